using System.Globalization;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>What a command makes of the table, or why it is refused. Pure.</summary>
internal static class ControlRules
{
    /// <param name="operationId">For an operation that begins.</param>
    /// <param name="launcher">Name of what starts nodes here; null: nothing does.</param>
    public static (PlacementTable Table, ControlReply Reply) Apply(
        PlacementTable table, ControlCommand command, ClusterFacts facts, PlacementRules rules, string operationId, string? launcher) => command switch
    {
        ControlCommand.Cordon c => Cordon(table, c.NodeId, facts),
        ControlCommand.Uncordon u => Uncordon(table, u.NodeId, facts),
        ControlCommand.Drain d => Drain(table, d, facts, rules, operationId),
        ControlCommand.Rebalance => Rebalance(table, facts, rules, operationId),
        ControlCommand.Scale s => Scale(table, s.Nodes, facts, rules, operationId, launcher),
        ControlCommand.Abort a => Abort(table, a.OperationId, facts),
        _ => Refused(table, $"unknown command {command.GetType().Name}"),
    };

    private static (PlacementTable, ControlReply) Cordon(PlacementTable table, string node, ClusterFacts facts)
    {
        if (!facts.IsMember(node))
            return Unknown(table, node);
        if (table.DutyOf(node) != NodeDuty.Serves)
            return Accepted(table, $"{node} is {(table.DutyOf(node) == NodeDuty.Drains ? "being drained" : "cordoned")} already");
        if (!facts.PlanNodes(table).Any(n => n.Id != node && n.Duty == NodeDuty.Serves))
            return Refused(table, $"{node} is the last node that takes groups: a group whose owner fails would have nowhere to go");
        return Accepted(OperationLog.Assign(table, node, NodeDuty.Cordoned));
    }

    private static (PlacementTable, ControlReply) Uncordon(PlacementTable table, string node, ClusterFacts facts)
    {
        if (!facts.IsMember(node))
            return Unknown(table, node);
        if (table.Leaves(node))
            return Refused(table, $"{node} is empty and leaves the cluster already");
        if (OperationLog.RunningDrain(table, node) is { } drain)
            table = OperationLog.End(table, drain, OperationState.Aborted, $"{node} was uncordoned", facts.NowUnixMs);
        else if (table.DutyOf(node) == NodeDuty.Serves)
            return Accepted(table, $"{node} is not cordoned");
        return Accepted(OperationLog.Assign(table, node, NodeDuty.Serves));
    }

    private static (PlacementTable, ControlReply) Drain(
        PlacementTable table, ControlCommand.Drain drain, ClusterFacts facts, PlacementRules rules, string operationId)
    {
        string node = drain.NodeId;
        if (!facts.IsMember(node))
            return Unknown(table, node);
        if (OperationLog.RunningDrain(table, node) is { } running)
            return Accepted(table, $"{node} is being drained already", running.Info.Id);
        if (WhyNotEmptied(table, [node], facts) is { } why)
            return Refused(table, why);
        table = OperationLog.Assign(table, node, NodeDuty.Drains);
        int total = NodeEmptying.GroupsLeft(table, facts, node) + NodeEmptying.SequencesLeft(facts, node);
        var operation = Begun(operationId, OperationKind.Drain, node, Math.Max(1, total), NodeEmptying.Describe(table, facts, node), facts, drain.Timeout) with
        {
            Leave = drain.Leave,
        };
        return Accepted(OperationLog.Begin(table, operation, rules), operation: operation.Info.Id);
    }

    private static (PlacementTable, ControlReply) Rebalance(PlacementTable table, ClusterFacts facts, PlacementRules rules, string operationId)
    {
        int moves = table.Groups.Count(i => i.Phase != IncarnationPhase.Serving) + Simulate(table, facts, rules).Moves.Length;
        if (moves == 0)
            return Accepted(table, "the groups are in balance already");
        // What could not be opened somewhere gets another chance.
        table = table with { Avoided = [], Version = table.Version + 1 };
        var operation = Begun(operationId, OperationKind.Rebalance, "", moves, $"{moves} moves", facts, rules.ScaleInLimit);
        return Accepted(OperationLog.Begin(table, operation, rules), operation: operationId);
    }

    private static (PlacementTable, ControlReply) Scale(
        PlacementTable table, int wanted, ClusterFacts facts, PlacementRules rules, string operationId, string? launcher)
    {
        if (wanted is < 1 or > PlacementRules.MaxNodes)
            return Refused(table, $"nodes: {wanted} is not in 1..{PlacementRules.MaxNodes}");
        var running = OperationLog.RunningScale(table);
        if (running?.Info.Subject == Text(wanted))
            return Accepted(table, $"scaling to {wanted} nodes already", running.Info.Id);
        string[] staying = [.. facts.Nodes.Where(n => n.State is not null && !n.IsLeaving && table.DutyOf(n.State.NodeId) != NodeDuty.Drains)
            .Select(n => n.State!.NodeId).Distinct()];
        if (running is null && staying.Length == wanted)
            return Accepted(table, $"there are {wanted} nodes already");
        if (staying.Length < wanted && launcher is null)
            return Refused(table, $"the coordinator's node {table.Coordinator} has no launcher to start nodes with; give the nodes --launcher, or start them by hand");
        if (staying.Length > wanted && RoomFor(table, facts, wanted) is { } why)
            return Refused(table, why);
        int surplus = Math.Max(0, staying.Length - wanted);
        if (ScaleStep.Dispensable(table, facts, staying, surplus).Count < surplus)
            return Refused(table, $"{wanted} nodes cannot have every role that the {staying.Length} have: some are the last expert, decoder or gateway");
        var nodes = running?.Nodes ?? [];
        if (running is not null)
            table = OperationLog.End(table, running, OperationState.Aborted, $"superseded by scale to {wanted}", facts.NowUnixMs);
        var operation = Begun(operationId, OperationKind.Scale, Text(wanted), Math.Max(1, Math.Abs(wanted - staying.Length)), "", facts, rules.LaunchLimit) with
        {
            Nodes = nodes,
        };
        return Accepted(OperationLog.Begin(table, operation, rules), operation: operationId);
    }

    private static (PlacementTable, ControlReply) Abort(PlacementTable table, string id, ClusterFacts facts)
    {
        if (OperationLog.Find(table, id) is not { } operation)
            return Refused(table, $"no operation {id}");
        if (!operation.IsRunning)
            return Accepted(table, $"{id} has ended already", id);
        string[] nodes = operation.Info.Kind == OperationKind.Drain ? [operation.Info.Subject] : [.. operation.Nodes];
        foreach (string node in nodes.Where(n => !table.Leaves(n)))
            table = OperationLog.Assign(table, node, NodeDuty.Serves);
        return Accepted(OperationLog.End(table, operation, OperationState.Aborted, "aborted by an operator", facts.NowUnixMs), operation: id);
    }

    public static PlacementPlan Simulate(PlacementTable table, ClusterFacts facts, PlacementRules rules) => PlacementPlanner.Plan(
        facts.Groups, rules.Replicas, facts.PlanNodes(table with { Avoided = [] }),
        [.. table.Groups.Where(i => i.Phase != IncarnationPhase.Draining && facts.IsAlive(i.NodeId)).Select(i => new GroupReplica(i.Group, i.NodeId)).Distinct()]);

    /// <summary>Why these nodes cannot be emptied: something would be lost.</summary>
    private static string? WhyNotEmptied(PlacementTable table, IReadOnlyCollection<string> nodes, ClusterFacts facts)
    {
        foreach (string node in nodes)
            table = OperationLog.Assign(table, node, NodeDuty.Drains);
        var present = table.Groups.Where(i => facts.IsAlive(i.NodeId)).Select(i => new GroupReplica(i.Group, i.NodeId)).Distinct().ToArray();
        var plan = PlacementPlanner.Plan(facts.Groups, 1, facts.PlanNodes(table), present);
        var stuck = plan.Target.Where(r => nodes.Contains(r.NodeId)).Select(r => r.Group).Order().ToArray();
        if (stuck.Length > 0)
            return $"it would lose the last copy of group {string.Join(", ", stuck)}: no other node has room for {(stuck.Length == 1 ? "it" : "them")}";
        string[] stay = [.. facts.Nodes.Where(n => n.Alive && !n.IsLeaving && n.State is { } s && table.DutyOf(s.NodeId) == NodeDuty.Serves).Select(n => n.State!.NodeId)];
        return RoleCover.Lost(facts, nodes, stay) is { } role ? $"{string.Join(", ", nodes)} would leave no {role}: no request could be served" : null;
    }

    private static string? RoomFor(PlacementTable table, ClusterFacts facts, int wanted)
    {
        var capacities = facts.PlanNodes(table).Where(n => n.Duty == NodeDuty.Serves).Select(n => Math.Min(n.Capacity, facts.Groups)).OrderDescending().Take(wanted).ToArray();
        return capacities.Sum() < facts.Groups
            ? $"{wanted} nodes hold {capacities.Sum()} groups at most, the model has {facts.Groups}: it would lose the last copy of some"
            : null;
    }

    private static Operation Begun(string id, OperationKind kind, string subject, int total, string detail, ClusterFacts facts, TimeSpan limit) => new(
        new OperationInfo(id, kind, subject, OperationState.Running, 0, total, detail, facts.NowUnixMs, 0),
        facts.NowUnixMs + (long)limit.TotalMilliseconds, false, [], 0);

    private static (PlacementTable, ControlReply) Accepted(PlacementTable table, string reason = "", string operation = "") =>
        (table, new ControlReply(true, reason, operation));

    private static (PlacementTable, ControlReply) Refused(PlacementTable table, string reason) => (table, new ControlReply(false, reason, ""));

    private static (PlacementTable, ControlReply) Unknown(PlacementTable table, string node) => Refused(table, $"no node {node} in the cluster");

    private static string Text(int n) => n.ToString(CultureInfo.InvariantCulture);
}
