using System.Collections.Immutable;
using PanguCluster.Actors.Links;

namespace PanguCluster.Actors.Routing;

/// <summary>A node that computes a group now. Local: this process's own device.</summary>
public sealed record GroupRoute(string NodeId, long Incarnation, bool Local);

/// <summary>Who computes one group, the preferred owner first. All give the same bits, so any of them will do.</summary>
public sealed record GroupOwners(ImmutableArray<GroupRoute> InOrder)
{
    public static GroupOwners None { get; } = new([]);

    /// <summary>Null while no live node owns the group.</summary>
    public GroupRoute? First => InOrder.IsEmpty ? null : InOrder[0];

    public bool Equals(GroupOwners? other) => other is not null && InOrder.SequenceEqual(other.InOrder);

    public override int GetHashCode() => InOrder.Aggregate(InOrder.Length, HashCode.Combine);
}

/// <summary>A node that rows may be sent to: alive, same model digest, same numerics version.</summary>
public sealed record PeerNode(string NodeId, LinkEndpoints Endpoints);

/// <summary>Where every group is, as one node sees it. Immutable: routers switch from one to the next between two frames.</summary>
/// <param name="Groups">[group]</param>
/// <param name="Peers">
/// All nodes worth a link, those without groups too: a link that is up already shortens a re-route. Suspected ones stay: the router's
/// attempts to reach them are how anyone finds out that they are back.
/// </param>
public sealed record RouteTable(long Epoch, ImmutableArray<GroupOwners> Groups, ImmutableArray<PeerNode> Peers)
{
    public static RouteTable Empty(int groups) => new(0, [.. Enumerable.Repeat(GroupOwners.None, groups)], []);

    public bool SameRoutes(RouteTable other) => Groups.SequenceEqual(other.Groups) && Peers.SequenceEqual(other.Peers);
}
