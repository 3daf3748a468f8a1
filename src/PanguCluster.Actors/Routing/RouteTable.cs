using System.Collections.Immutable;
using PanguCluster.Actors.Links;

namespace PanguCluster.Actors.Routing;

/// <summary>Which node computes a group now. Local: this process's own device.</summary>
public sealed record GroupRoute(string NodeId, long Incarnation, bool Local);

/// <summary>A node that rows may be sent to: alive, same model digest, same numerics version.</summary>
public sealed record PeerNode(string NodeId, LinkEndpoints Endpoints);

/// <summary>Where every group is, as one node sees it. Immutable: routers switch from one to the next between two frames.</summary>
/// <param name="Groups">[group] null while no live node owns it.</param>
/// <param name="Peers">All nodes worth a link, those without groups too: a link that is up already shortens a re-route.</param>
public sealed record RouteTable(long Epoch, ImmutableArray<GroupRoute?> Groups, ImmutableArray<PeerNode> Peers)
{
    public static RouteTable Empty(int groups) => new(0, [.. new GroupRoute?[groups]], []);

    public bool SameRoutes(RouteTable other) => Groups.SequenceEqual(other.Groups) && Peers.SequenceEqual(other.Peers);
}
