using System.Collections.Immutable;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>
/// One step of the groups towards the plan: make before break. Depends on the table and the facts alone, so it may be taken at any time, any number of times,
/// by whoever is coordinator; a step that changes nothing returns the same table. Pure.
/// </summary>
public static class GroupReconciler
{
    public static PlacementTable Step(PlacementTable table, ClusterFacts facts, PlacementRules rules)
    {
        var nodes = facts.PlanNodes(table);
        if (table.Groups.IsEmpty && nodes.Length < rules.MinExpertNodes && facts.RunningMs < rules.Patience.TotalMilliseconds)
            return table;
        long now = facts.NowUnixMs;
        long number = table.NextNumber;
        var avoided = table.Avoided.RemoveAll(a => a.UntilUnixMs <= now);
        var groups = new List<GroupIncarnation>(table.Groups.Length);
        foreach (var i in table.Groups.Where(i => facts.IsMember(i.NodeId)))
        {
            if (i.Phase == IncarnationPhase.Warming && facts.IsReady(i))
                groups.Add(i with { Phase = IncarnationPhase.Serving, SinceUnixMs = now });
            else if (facts.Report(i) is { State: OwnedGroupState.Failed } && HasAlternative(i, nodes, table))
                avoided = avoided.Add(new GroupAvoidance(i.Group, i.NodeId, now + (long)rules.Avoid.TotalMilliseconds));
            else
                groups.Add(i);
        }

        var target = Target(facts.Groups, rules.Replicas, nodes, groups, facts);
        Begin(groups, target, facts, rules, ref number);
        End(groups, target, facts, rules);
        return With(table, groups, avoided, number);
    }

    private static HashSet<GroupReplica> Target(
        int count, int replicas, ImmutableArray<PlanNode> nodes, List<GroupIncarnation> groups, ClusterFacts facts)
    {
        var present = groups.Where(i => i.Phase != IncarnationPhase.Draining && facts.IsAlive(i.NodeId)).Select(Replica).Distinct().ToArray();
        return [.. PlacementPlanner.Plan(count, replicas, nodes, present).Target];
    }

    /// <summary>What is wanted and not there: an incarnation that drains turns back, else one begins.</summary>
    private static void Begin(List<GroupIncarnation> groups, HashSet<GroupReplica> target, ClusterFacts facts, PlacementRules rules, ref long number)
    {
        foreach (var wanted in target.OrderBy(t => t.Group).ThenBy(t => t.NodeId, StringComparer.Ordinal))
        {
            int at = groups.FindIndex(i => Replica(i) == wanted);
            if (at >= 0)
            {
                if (groups[at].Phase == IncarnationPhase.Draining)
                    groups[at] = groups[at] with { Phase = IncarnationPhase.Warming, SinceUnixMs = facts.NowUnixMs };
                continue;
            }
            bool served = groups.Any(i => i.Group == wanted.Group && i.Phase != IncarnationPhase.Warming && facts.IsReady(i));
            int warming = groups.Count(i => i.NodeId == wanted.NodeId && i.Phase == IncarnationPhase.Warming);
            if (!served || warming < rules.MaxWarmingPerNode)
                groups.Add(new GroupIncarnation(wanted.Group, number++, wanted.NodeId, IncarnationPhase.Warming, facts.NowUnixMs));
        }
    }

    /// <summary>What is there and not wanted: it drains once all that is wanted of its group serves, and ends when the routers have turned away.</summary>
    private static void End(List<GroupIncarnation> groups, HashSet<GroupReplica> target, ClusterFacts facts, PlacementRules rules)
    {
        long now = facts.NowUnixMs;
        for (int k = groups.Count - 1; k >= 0; k--)
        {
            var i = groups[k];
            if (target.Contains(Replica(i)))
                continue;
            if (!facts.IsAlive(i.NodeId))
                continue; // membership decides: it comes back, or is removed
            bool replaced = Replaced(i.Group, groups, target, facts);
            switch (i.Phase)
            {
                case IncarnationPhase.Warming:
                    groups.RemoveAt(k);
                    break;
                case IncarnationPhase.Serving when replaced:
                    groups[k] = i with { Phase = IncarnationPhase.Draining, SinceUnixMs = now };
                    break;
                case IncarnationPhase.Draining when !replaced && facts.IsReady(i):
                    // Its successor has died meanwhile.
                    groups[k] = i with { Phase = IncarnationPhase.Serving, SinceUnixMs = now };
                    break;
                case IncarnationPhase.Draining when replaced && now - i.SinceUnixMs >= rules.DrainGrace.TotalMilliseconds:
                    groups.RemoveAt(k);
                    break;
            }
        }
    }

    private static bool Replaced(int group, List<GroupIncarnation> groups, HashSet<GroupReplica> target, ClusterFacts facts)
    {
        int wanted = target.Count(t => t.Group == group);
        int serving = groups.Count(i => i.Group == group && i.Phase == IncarnationPhase.Serving && target.Contains(Replica(i))
            && facts.IsReady(i) && !facts.IsSuspected(i.NodeId));
        return wanted > 0 && serving >= wanted;
    }

    private static bool HasAlternative(GroupIncarnation failed, ImmutableArray<PlanNode> nodes, PlacementTable table) =>
        nodes.Any(n => n.Duty == NodeDuty.Serves && n.Id != failed.NodeId && !n.Avoids.Contains(failed.Group)
            && table.Groups.Count(i => i.NodeId == n.Id) < n.Capacity
            && !table.Groups.Any(i => i.Group == failed.Group && i.NodeId == n.Id));

    private static PlacementTable With(
        PlacementTable table, List<GroupIncarnation> groups, ImmutableArray<GroupAvoidance> avoided, long number)
    {
        ImmutableArray<GroupIncarnation> sorted = [.. groups.OrderBy(i => i.Group).ThenBy(i => i.Number)];
        bool same = sorted.SequenceEqual(table.Groups);
        if (same && avoided.SequenceEqual(table.Avoided))
            return table;
        return table with { Groups = sorted, Avoided = avoided, NextNumber = number, Epoch = same ? table.Epoch : table.Epoch + 1, Version = table.Version + 1 };
    }

    private static GroupReplica Replica(GroupIncarnation i) => new(i.Group, i.NodeId);
}
