using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Wire;

internal static class PlacementWire
{
    public static Proto.PlacementTable Write(PlacementTable t)
    {
        var message = new Proto.PlacementTable
        {
            Version = t.Version, Epoch = t.Epoch, Coordinator = t.Coordinator, NextNumber = t.NextNumber, Replicas = t.Replicas,
        };
        foreach (var g in t.Groups)
            message.Groups.Add(new Proto.GroupIncarnation
            {
                Group = g.Group, Number = g.Number, NodeId = g.NodeId, Phase = (int)g.Phase, SinceUnixMs = g.SinceUnixMs,
            });
        foreach (var a in t.Assignments)
            message.Assignments.Add(new Proto.NodeAssignment { NodeId = a.NodeId, Duty = (int)a.Duty, Leaves = a.Leaves, EmptySince = a.EmptySince });
        foreach (var a in t.Avoided)
            message.Avoided.Add(new Proto.GroupAvoidance { Group = a.Group, NodeId = a.NodeId, UntilUnixMs = a.UntilUnixMs });
        foreach (var o in t.Operations)
            message.Operations.Add(Write(o));
        return message;
    }

    public static PlacementTable Read(Proto.PlacementTable m) => new(
        m.Version, m.Epoch, m.Coordinator, m.NextNumber, m.Replicas,
        [.. m.Groups.Select(g => new GroupIncarnation(g.Group, g.Number, g.NodeId, SequenceWire.ReadEnum<IncarnationPhase>(g.Phase), g.SinceUnixMs))],
        [.. m.Assignments.Select(a => new NodeAssignment(a.NodeId, SequenceWire.ReadEnum<NodeDuty>(a.Duty), a.Leaves) { EmptySince = a.EmptySince })],
        [.. m.Avoided.Select(a => new GroupAvoidance(a.Group, a.NodeId, a.UntilUnixMs))],
        [.. m.Operations.Select(Read)]);

    private static Proto.Operation Write(Operation o)
    {
        var message = new Proto.Operation
        {
            Id = o.Info.Id, Kind = (int)o.Info.Kind, Subject = o.Info.Subject, State = (int)o.Info.State, Done = o.Info.Done, Total = o.Info.Total,
            Detail = o.Info.Detail, StartedUnixMs = o.Info.StartedUnixMs, EndedUnixMs = o.Info.EndedUnixMs, DeadlineUnixMs = o.DeadlineUnixMs,
            Leave = o.Leave, Tries = o.Tries,
        };
        message.Nodes.AddRange(o.Nodes);
        return message;
    }

    private static Operation Read(Proto.Operation m) => new(
        new OperationInfo(
            m.Id, SequenceWire.ReadEnum<OperationKind>(m.Kind), m.Subject, SequenceWire.ReadEnum<OperationState>(m.State), m.Done, m.Total, m.Detail,
            m.StartedUnixMs, m.EndedUnixMs),
        m.DeadlineUnixMs, m.Leave, [.. m.Nodes], m.Tries);
}
