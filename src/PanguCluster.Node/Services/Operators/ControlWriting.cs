using System.Globalization;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Node.Bench;
using Wire = Pangu.V1;

namespace PanguCluster.Node.Services;

/// <summary>Operations, plans, events and latencies as the wire has them. Pure.</summary>
public static class ControlWriting
{
    public static Wire.Operation ToWire(OperationInfo operation) => new()
    {
        Id = operation.Id,
        Kind = (Wire.Operation.Types.Kind)((int)operation.Kind + 1),
        Subject = operation.Subject,
        State = (Wire.Operation.Types.State)((int)operation.State + 1),
        StepsDone = operation.Done,
        StepsTotal = operation.Total,
        Detail = operation.Detail,
        StartedUnixMs = operation.StartedUnixMs,
        EndedUnixMs = operation.EndedUnixMs,
    };

    /// <summary>What is known of an operation before the placement table tells of it.</summary>
    public static Wire.Operation Begun(string id, ControlCommand command, DateTimeOffset now)
    {
        var (kind, subject) = command switch
        {
            ControlCommand.Drain drain => (Wire.Operation.Types.Kind.Drain, drain.NodeId),
            ControlCommand.Scale scale => (Wire.Operation.Types.Kind.Scale, scale.Nodes.ToString(CultureInfo.InvariantCulture)),
            ControlCommand.Rebalance => (Wire.Operation.Types.Kind.Rebalance, ""),
            _ => (Wire.Operation.Types.Kind.Unknown, ""),
        };
        return new Wire.Operation
        {
            Id = id, Kind = kind, Subject = subject, State = Wire.Operation.Types.State.Running, Detail = "accepted",
            StartedUnixMs = now.ToUnixTimeMilliseconds(),
        };
    }

    public static Wire.PlacementPlan ToWire(PlacementPlan plan, ClusterSnapshot cluster) => new()
    {
        Moves = { plan.Moves.Select(m => ToWire(m, cluster)) },
        ShortGroups = { plan.Short },
        Shares = { Shares(plan) },
    };

    public static Wire.ClusterEvent ToWire(ClusterEvent happened)
    {
        var wire = new Wire.ClusterEvent
        {
            AtUnixMs = happened.AtUnixMs,
            Recorder = happened.Recorder,
            Sequence = happened.Sequence,
            Kind = (Wire.ClusterEvent.Types.Kind)((int)happened.Kind + 1),
            Subject = happened.Subject,
            Detail = happened.Detail,
        };
        if (happened.DurationMs is { } took)
            wire.DurationMs = took;
        return wire;
    }

    public static Wire.Percentiles ToWire(LatencySummary times) => new()
    {
        Count = times.Count, P50Ms = times.P50, P90Ms = times.P90, P99Ms = times.P99, MaxMs = times.Max,
    };

    private static Wire.GroupMove ToWire(GroupMove move, ClusterSnapshot cluster) => new()
    {
        Group = move.Group,
        From = move.From ?? "",
        To = move.To ?? "",
        Bytes = cluster.Groups.FirstOrDefault(g => g.Group == move.Group)?.Bytes ?? 0,
        Fetches = move.To is { } to && cluster.Nodes.FirstOrDefault(n => n.Id == to) is { } taker && !taker.Files.Contains(move.Group),
    };

    /// <summary>Before the moves: the target with every move undone.</summary>
    private static IEnumerable<Wire.NodeShare> Shares(PlacementPlan plan)
    {
        var planned = plan.Target.CountBy(r => r.NodeId).ToDictionary();
        var gained = plan.Moves.Where(m => m.To is not null).CountBy(m => m.To!).ToDictionary();
        var lost = plan.Moves.Where(m => m.From is not null).CountBy(m => m.From!).ToDictionary();
        foreach (string node in planned.Keys.Union(lost.Keys).Order(StringComparer.Ordinal))
        {
            int then = planned.GetValueOrDefault(node);
            yield return new Wire.NodeShare
            {
                NodeId = node, GroupsPlanned = then, GroupsNow = then - gained.GetValueOrDefault(node) + lost.GetValueOrDefault(node),
            };
        }
    }
}
