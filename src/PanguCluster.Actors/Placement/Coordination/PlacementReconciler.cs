using System.Collections.Immutable;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>One step of everything the coordinator looks after. Pure.</summary>
internal static class PlacementReconciler
{
    public static ScaleOutcome Step(PlacementTable table, ClusterFacts facts, PlacementRules rules)
    {
        table = Forget(table, facts);
        table = GroupReconciler.Step(table, facts, rules);
        table = NodeEmptying.Observe(table, facts);
        var outcome = ScaleOutcome.Of(table);
        foreach (var operation in table.Operations.Where(o => o.IsRunning))
        {
            switch (operation.Info.Kind)
            {
                case OperationKind.Drain:
                    outcome = outcome with { Table = DrainStep.Take(outcome.Table, operation, facts) };
                    break;
                case OperationKind.Scale:
                    var scaled = ScaleStep.Take(outcome.Table, operation, facts, rules);
                    outcome = new ScaleOutcome(scaled.Table, [.. outcome.Start, .. scaled.Start], [.. outcome.Stop, .. scaled.Stop]);
                    break;
                default:
                    outcome = outcome with { Table = Rebalanced(outcome.Table, operation, facts, rules) };
                    break;
            }
        }
        return outcome;
    }

    /// <summary>Duties of nodes that have gone. One that a running operation waits for is that operation's to forget.</summary>
    private static PlacementTable Forget(PlacementTable table, ClusterFacts facts)
    {
        foreach (var a in table.Assignments.Where(a => !facts.IsMember(a.NodeId)))
            if (!table.Operations.Any(o => o.IsRunning && (o.Info.Subject == a.NodeId || o.Nodes.Contains(a.NodeId))))
                table = OperationLog.Assign(table, a.NodeId, NodeDuty.Serves);
        return table;
    }

    private static PlacementTable Rebalanced(PlacementTable table, Operation operation, ClusterFacts facts, PlacementRules rules)
    {
        int left = table.Groups.Count(i => i.Phase != IncarnationPhase.Serving) + ControlRules.Simulate(table, facts, rules).Moves.Length;
        if (left == 0)
            return OperationLog.End(table, operation, OperationState.Done, "the groups are in balance", facts.NowUnixMs);
        if (facts.NowUnixMs > operation.DeadlineUnixMs)
            return OperationLog.End(table, operation, OperationState.Failed, $"timed out with {left} moves left", facts.NowUnixMs);
        int total = Math.Max(operation.Info.Total, left);
        return OperationLog.Update(table, operation with { Info = operation.Info with { Total = total, Done = total - left, Detail = $"{left} moves left" } });
    }
}
