using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>What a decision means to people: from the difference of two tables to events.</summary>
internal sealed class MoveJournal(IClusterEvents events)
{
    public void Changed(PlacementTable before, PlacementTable after, long now)
    {
        Groups(before, after, now);
        foreach (var operation in after.Operations)
        {
            var old = before.Operations.FirstOrDefault(o => o.Info.Id == operation.Info.Id);
            if (old is null)
                events.Record(ClusterEventKind.OperationStarted, operation.Info.Id, Describe(operation.Info));
            if (!operation.IsRunning && old is null or { IsRunning: true } && operation.Info.EndedUnixMs > 0)
                events.Record(
                    ClusterEventKind.OperationEnded, operation.Info.Id, $"{Describe(operation.Info)}: {operation.Info.State}, {operation.Info.Detail}",
                    TimeSpan.FromMilliseconds(operation.Info.EndedUnixMs - operation.Info.StartedUnixMs));
        }
    }

    private void Groups(PlacementTable before, PlacementTable after, long now)
    {
        var old = before.Groups.ToDictionary(i => i.Number);
        foreach (var i in after.Groups)
        {
            if (!old.Remove(i.Number, out var was))
                events.Record(ClusterEventKind.MoveStarted, Subject(i), $"incarnation {i.Number} warms on {i.NodeId}");
            else if (was.Phase == IncarnationPhase.Warming && i.Phase == IncarnationPhase.Serving)
                events.Record(
                    ClusterEventKind.MoveDone, Subject(i), $"incarnation {i.Number} on {i.NodeId} takes rows (epoch {after.Epoch})",
                    TimeSpan.FromMilliseconds(now - was.SinceUnixMs));
        }
        foreach (var i in old.Values.Where(i => i.Phase != IncarnationPhase.Draining))
            events.Record(ClusterEventKind.MoveFailed, Subject(i), $"incarnation {i.Number} on {i.NodeId} is given up");
    }

    private static string Subject(GroupIncarnation i) => FormattableString.Invariant($"group {i.Group}");

    private static string Describe(OperationInfo operation) => operation.Kind switch
    {
        OperationKind.Drain => $"drain {operation.Subject}",
        OperationKind.Scale => $"scale to {operation.Subject}",
        _ => "rebalance",
    };
}
