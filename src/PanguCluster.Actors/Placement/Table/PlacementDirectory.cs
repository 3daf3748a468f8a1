using System.Collections.Immutable;

namespace PanguCluster.Actors.Placement.Table;

/// <summary>The table as this node knows it, with the addresses of its nodes: written by the placement actor, read by sharding's coordinator without asking.</summary>
public sealed class PlacementDirectory
{
    private sealed record State(PlacementTable Table, IReadOnlyList<KnownNode> Nodes, ImmutableDictionary<string, string> Addresses);

    private State _state = new(PlacementTable.Empty, [], ImmutableDictionary<string, string>.Empty);

    public PlacementTable Table => Volatile.Read(ref _state).Table;

    public IReadOnlyList<KnownNode> Nodes => Volatile.Read(ref _state).Nodes;

    /// <summary>Akka address of the node an incarnation belongs on; null: of none, or the node is not known.</summary>
    public string? AddressOf(string incarnationId)
    {
        var state = Volatile.Read(ref _state);
        return state.Table.Groups.FirstOrDefault(i => i.Id == incarnationId) is { } i ? state.Addresses.GetValueOrDefault(i.NodeId) : null;
    }

    internal void Set(PlacementTable table, IReadOnlyList<KnownNode> nodes)
    {
        var addresses = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var node in nodes)
            if (node is { Alive: true, State: { } s })
                addresses[s.NodeId] = node.Address;
        Volatile.Write(ref _state, new State(table, nodes, addresses.ToImmutable()));
    }
}
