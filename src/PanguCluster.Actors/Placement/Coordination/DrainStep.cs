using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>A step of a drain: it watches the node become empty; the groups move by <see cref="GroupReconciler"/>, the streams by themselves. Pure.</summary>
internal static class DrainStep
{
    public static PlacementTable Take(PlacementTable table, Operation drain, ClusterFacts facts)
    {
        string node = drain.Info.Subject;
        long now = facts.NowUnixMs;
        if (!facts.IsMember(node))
            return table.Leaves(node)
                ? OperationLog.End(table, drain, OperationState.Done, $"{node} has left", now)
                : OperationLog.End(table, drain, OperationState.Failed, $"{node} ended before it was empty", now);
        if (table.Leaves(node))
            return now > drain.DeadlineUnixMs
                ? OperationLog.End(table, drain, OperationState.Failed, $"{node} is empty and was told to leave, but is still a member", now)
                : table;
        if (NodeEmptying.IsEmpty(table, facts, node))
            return drain.Leave
                ? OperationLog.Update(OperationLog.Assign(table, node, NodeDuty.Drains, leaves: true), Progress(drain, drain.Info.Total, $"{node} is empty and leaves"))
                : OperationLog.End(table, drain, OperationState.Done, $"{node} is empty; it stays cordoned", now);
        string left = NodeEmptying.Describe(table, facts, node);
        if (now > drain.DeadlineUnixMs)
            return OperationLog.Assign(OperationLog.End(table, drain, OperationState.Failed, $"timed out: {left}; the node serves again", now), node, NodeDuty.Serves);
        int remaining = NodeEmptying.GroupsLeft(table, facts, node) + NodeEmptying.SequencesLeft(facts, node);
        int total = Math.Max(drain.Info.Total, remaining);
        return OperationLog.Update(table, drain with { Info = drain.Info with { Total = total, Done = total - remaining, Detail = left } });
    }

    private static Operation Progress(Operation drain, int done, string detail) => drain with { Info = drain.Info with { Done = done, Detail = detail } };
}
