using System.Collections.Immutable;
using System.Globalization;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <param name="Start">Ids of nodes to have started; the table says so already, so that a coordinator that dies now starts none twice.</param>
/// <param name="Stop">Nodes that have left, or never came: no process of theirs must be left.</param>
internal sealed record ScaleOutcome(PlacementTable Table, ImmutableArray<string> Start, ImmutableArray<string> Stop)
{
    public static ScaleOutcome Of(PlacementTable table) => new(table, [], []);
}

/// <summary>
/// A step of a scale operation towards its number of nodes: it starts what lacks, and drains what is too much, the node of the coordinator last. Counts what is
/// there each time, so it does not matter what happened in between. Pure.
/// </summary>
internal static class ScaleStep
{
    public static ScaleOutcome Take(PlacementTable table, Operation scale, ClusterFacts facts, PlacementRules rules)
    {
        int wanted = int.Parse(scale.Info.Subject, CultureInfo.InvariantCulture);
        long now = facts.NowUnixMs;
        // With a duty: it was on its way out, and however it ended, it is out. Without one: it is on its way in.
        var gone = scale.Nodes.Where(n => !facts.IsMember(n) && table.DutyOf(n) == NodeDuty.Drains).ToImmutableArray();
        foreach (string node in gone)
            table = OperationLog.Assign(table, node, NodeDuty.Serves);
        scale = scale with { Nodes = scale.Nodes.RemoveRange(gone) };

        string[] staying = [.. Staying(table, facts)];
        var coming = scale.Nodes.Where(n => !facts.IsMember(n)).ToImmutableArray();
        if (staying.Length >= wanted && coming.Length > 0)
        {
            // A node that came by another way, or a smaller number since: whoever is still on the way is not needed.
            return new ScaleOutcome(OperationLog.Update(table, scale with { Nodes = scale.Nodes.RemoveRange(coming) }), [], [.. gone, .. coming]);
        }
        // A process that starts takes the cores of those that serve: not more than half as many at a time.
        int lacking = Math.Min(wanted - staying.Length - coming.Length, Math.Max(1, staying.Length / 2) - coming.Length);
        if (lacking > 0)
            return Grow(table, scale, facts, rules, lacking) with { Stop = gone };
        if (staying.Length > wanted)
            return new ScaleOutcome(Shrink(table, scale, facts, rules, staying, wanted), [], gone);

        if (coming.Length > 0 && now > scale.DeadlineUnixMs)
            return Late(table, scale, rules, coming, now, gone);
        string[] emptying = [.. scale.Nodes.Where(n => facts.IsMember(n) && table.DutyOf(n) == NodeDuty.Drains)];
        if (emptying.Length > 0 && now > scale.DeadlineUnixMs)
            return new ScaleOutcome(GiveUp(table, scale, facts, emptying, now), [], gone);
        foreach (string node in emptying)
            if (NodeEmptying.IsEmpty(table, facts, node))
                table = OperationLog.Assign(table, node, NodeDuty.Drains, leaves: true);
        return new ScaleOutcome(Finish(table, scale, facts, staying, coming, emptying), [], gone);
    }

    /// <summary>A node could not be started. The operation fails when it has happened too often.</summary>
    public static PlacementTable LaunchFailed(PlacementTable table, string nodeId, string reason, PlacementRules rules, long now)
    {
        if (OperationLog.RunningScale(table) is not { } scale || !scale.Nodes.Contains(nodeId))
            return table;
        scale = scale with { Nodes = scale.Nodes.Remove(nodeId), Tries = scale.Tries + 1 };
        return scale.Tries < rules.LaunchTries
            ? OperationLog.Update(table, scale with { Info = scale.Info with { Detail = $"{nodeId} could not be started ({reason}); trying again" } })
            : OperationLog.End(OperationLog.Update(table, scale), scale, OperationState.Failed, $"{nodeId} could not be started: {reason}", now);
    }

    /// <summary>Nodes that are here to stay: members on their way up included, those that drain or leave not.</summary>
    private static IEnumerable<string> Staying(PlacementTable table, ClusterFacts facts) => facts.Nodes
        .Where(n => n.State is not null && !n.IsLeaving && n.Status != "Unreachable" && ClusterKnowledge.Mismatch(n.State, facts.Manifest) is null)
        .Select(n => n.State!.NodeId).Distinct()
        .Where(n => table.DutyOf(n) != NodeDuty.Drains);

    private static ScaleOutcome Grow(PlacementTable table, Operation scale, ClusterFacts facts, PlacementRules rules, int lacking)
    {
        // Whoever was to go and has not begun to leave may as well stay.
        var back = scale.Nodes.Where(n => facts.IsAlive(n) && table.DutyOf(n) == NodeDuty.Drains && !table.Leaves(n)).Take(lacking).ToImmutableArray();
        foreach (string node in back)
            table = OperationLog.Assign(table, node, NodeDuty.Serves);
        var start = NewIds(table, facts, scale, lacking - back.Length);
        scale = scale with
        {
            Nodes = [.. scale.Nodes.RemoveRange(back), .. start],
            DeadlineUnixMs = facts.NowUnixMs + (long)rules.LaunchLimit.TotalMilliseconds,
            Info = scale.Info with { Detail = start.Length == 0 ? $"kept {string.Join(", ", back)}" : $"starting {string.Join(", ", start)}" },
        };
        return new ScaleOutcome(OperationLog.Update(table, scale), start, []);
    }

    private static PlacementTable Shrink(PlacementTable table, Operation scale, ClusterFacts facts, PlacementRules rules, string[] staying, int wanted)
    {
        var go = Dispensable(table, facts, staying, staying.Length - wanted);
        if (go.Count == 0)
            return OperationLog.End(table, scale, OperationState.Failed, $"each of {string.Join(", ", staying)} is the last with one of its roles", facts.NowUnixMs);
        foreach (string node in go)
            table = OperationLog.Assign(table, node, NodeDuty.Drains);
        return OperationLog.Update(table, scale with
        {
            Nodes = [.. scale.Nodes.Union(go)],
            DeadlineUnixMs = facts.NowUnixMs + (long)rules.ScaleInLimit.TotalMilliseconds,
            Info = scale.Info with { Detail = $"draining {string.Join(", ", go)}" },
        });
    }

    /// <summary>Those with the fewest sequences first, of these the last in the order of names; the coordinator's node last: its going costs a pause in decisions.</summary>
    internal static IReadOnlyList<string> Dispensable(PlacementTable table, ClusterFacts facts, IEnumerable<string> staying, int count) => RoleCover.Dispensable(
        facts,
        [.. staying.OrderBy(n => n == table.Coordinator).ThenBy(n => NodeEmptying.SequencesLeft(facts, n))
            .ThenByDescending(n => n.Length).ThenByDescending(n => n, StringComparer.Ordinal)],
        count);

    private static ScaleOutcome Late(
        PlacementTable table, Operation scale, PlacementRules rules, ImmutableArray<string> coming, long now, ImmutableArray<string> gone)
    {
        foreach (string node in coming)
            table = LaunchFailed(table, node, $"it did not join within {rules.LaunchLimit.TotalSeconds:0} s", rules, now);
        return new ScaleOutcome(table, [], [.. gone, .. coming]);
    }

    private static PlacementTable GiveUp(PlacementTable table, Operation scale, ClusterFacts facts, string[] emptying, long now)
    {
        string left = string.Join("; ", emptying.Select(n => NodeEmptying.Describe(table, facts, n)));
        foreach (string node in emptying.Where(n => !table.Leaves(n)))
            table = OperationLog.Assign(table, node, NodeDuty.Serves);
        return OperationLog.End(table, scale, OperationState.Failed, $"timed out: {left}; the nodes serve again", now);
    }

    private static PlacementTable Finish(
        PlacementTable table, Operation scale, ClusterFacts facts, string[] staying, ImmutableArray<string> coming, string[] emptying)
    {
        int up = staying.Count(facts.IsAlive);
        int moving = table.Groups.Count(i => i.Phase != IncarnationPhase.Serving);
        bool whole = Enumerable.Range(0, facts.Groups).All(g => table.Groups.Any(i => i.Group == g && facts.IsReady(i)));
        int total = Math.Max(scale.Info.Total, coming.Length + emptying.Length + moving);
        if (coming.IsEmpty && emptying.Length == 0 && up == staying.Length && moving == 0 && whole)
            return OperationLog.End(table, scale with { Info = scale.Info with { Total = Math.Max(1, total) } }, OperationState.Done, $"{up} nodes", facts.NowUnixMs);
        string detail = string.Join(", ", new[]
        {
            $"{up} of {scale.Info.Subject} nodes up",
            coming.IsEmpty ? "" : $"waiting for {string.Join(", ", coming)}",
            string.Join(", ", emptying.Select(n => table.Leaves(n) ? $"{n} leaves" : NodeEmptying.Describe(table, facts, n))),
            moving == 0 ? "" : $"{moving} groups on the move",
        }.Where(t => t.Length > 0));
        int left = coming.Length + emptying.Length + moving;
        return OperationLog.Update(table, scale with { Info = scale.Info with { Total = total, Done = Math.Max(0, total - left), Detail = detail } });
    }

    /// <summary>node-N, the lowest numbers nobody has.</summary>
    private static ImmutableArray<string> NewIds(PlacementTable table, ClusterFacts facts, Operation scale, int count) =>
    [
        .. Enumerable.Range(1, int.MaxValue).Select(i => "node-" + i.ToString(CultureInfo.InvariantCulture))
            .Where(id => !facts.IsMember(id) && !scale.Nodes.Contains(id) && table.Assignments.All(a => a.NodeId != id))
            .Take(count),
    ];
}
