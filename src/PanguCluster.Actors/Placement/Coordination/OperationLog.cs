using System.Collections.Immutable;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>Changes of operations and duties in a table. Each gives a new version. Pure.</summary>
internal static class OperationLog
{
    public static PlacementTable Begin(PlacementTable table, Operation operation, PlacementRules rules)
    {
        var ended = table.Operations.Where(o => !o.IsRunning).Take(rules.KeptOperations - 1);
        return table with { Operations = [operation, .. table.Operations.Where(o => o.IsRunning), .. ended], Version = table.Version + 1 };
    }

    /// <summary>The same table if nothing of the operation changes.</summary>
    public static PlacementTable Update(PlacementTable table, Operation operation)
    {
        int at = IndexOf(table, operation.Info.Id);
        return at < 0 || table.Operations[at].Equals(operation)
            ? table
            : table with { Operations = table.Operations.SetItem(at, operation), Version = table.Version + 1 };
    }

    public static PlacementTable End(PlacementTable table, Operation operation, OperationState state, string detail, long now) => Update(
        table,
        operation with
        {
            Info = operation.Info with
            {
                State = state, Detail = detail, EndedUnixMs = now, Done = state == OperationState.Done ? operation.Info.Total : operation.Info.Done,
            },
        });

    /// <param name="duty">Serves and not leaving: the node's entry goes.</param>
    public static PlacementTable Assign(PlacementTable table, string nodeId, NodeDuty duty, bool leaves = false)
    {
        var wanted = new NodeAssignment(nodeId, duty, leaves);
        var present = table.Assignments.FirstOrDefault(a => a.NodeId == nodeId);
        bool plain = duty == NodeDuty.Serves && !leaves;
        if (plain ? present is null : wanted == present)
            return table;
        var others = table.Assignments.RemoveAll(a => a.NodeId == nodeId);
        return table with { Assignments = plain ? others : others.Add(wanted), Version = table.Version + 1 };
    }

    public static Operation? Find(PlacementTable table, string id)
    {
        int at = IndexOf(table, id);
        return at < 0 ? null : table.Operations[at];
    }

    public static Operation? RunningScale(PlacementTable table) => table.Operations.FirstOrDefault(o => o.IsRunning && o.Info.Kind == OperationKind.Scale);

    public static Operation? RunningDrain(PlacementTable table, string nodeId) =>
        table.Operations.FirstOrDefault(o => o.IsRunning && o.Info.Kind == OperationKind.Drain && o.Info.Subject == nodeId);

    private static int IndexOf(PlacementTable table, string id) => table.Operations.ToList().FindIndex(o => o.Info.Id == id);
}
