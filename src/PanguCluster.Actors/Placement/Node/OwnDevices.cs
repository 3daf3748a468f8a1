using Akka.Actor;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Node;

/// <summary>The devices of this process, whatever their state; a group may have two for a moment.</summary>
internal sealed class OwnDevices
{
    private readonly Dictionary<IActorRef, OwnedGroup> _devices = [];

    public IReadOnlyList<OwnedGroup> Groups => [.. _devices.Values.OrderBy(g => g.Group).ThenBy(g => g.Incarnation)];

    public void Set(IActorRef device, OwnedGroup group) => _devices[device] = group;

    public bool Remove(IActorRef device) => _devices.Remove(device);

    /// <summary>Incarnations the table gives this node that have no device here.</summary>
    public IEnumerable<GroupIncarnation> Lacking(PlacementTable table, string nodeId) => table.Groups
        .Where(i => i.NodeId == nodeId && !_devices.Values.Any(d => d.Group == i.Group && d.Incarnation == i.Number));

    /// <summary>Devices the table has no place for. One whose number this copy of the table has not come to yet is younger than the copy.</summary>
    public IEnumerable<IActorRef> Ended(PlacementTable table, string nodeId) => _devices
        .Where(d => d.Value.Incarnation != OwnedGroup.StandIn && d.Value.Incarnation < table.NextNumber
            && !table.Groups.Any(i => i.NodeId == nodeId && i.Group == d.Value.Group && i.Number == d.Value.Incarnation))
        .Select(d => d.Key);
}
