using System.Collections.Immutable;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>A member of the cluster as this node sees it, with what it last said of itself.</summary>
/// <param name="Alive">Up (or leaving, but still there) and reachable.</param>
public sealed record KnownNode(
    string Address, string Status, bool Alive, bool Self, IReadOnlyList<string> Roles, NodeState? State);

/// <summary>From what is known of every node to where rows go and what an operator sees. Pure: the placement actor only feeds it.</summary>
public static class ClusterKnowledge
{
    /// <summary>Whether rows may be sent to a node: alive, and its bits are ours.</summary>
    public static bool IsRoutable(KnownNode node, Manifest manifest) => node.Alive && node.State is { } s && Mismatch(s, manifest) is null;

    /// <summary>Why a node is never routed to; null if it may be.</summary>
    public static string? Mismatch(NodeState state, Manifest manifest)
    {
        if (state.ModelDigest != manifest.Digest)
            return $"serves another model (digest {Short(state.ModelDigest)}, here {Short(manifest.Digest)})";
        return state.NumericsVersion != manifest.NumericsVersion
            ? $"computes numerics version {state.NumericsVersion}, here {manifest.NumericsVersion}"
            : null;
    }

    /// <summary>The table that follows from what is known. Its epoch is the present one's, or one more if any route or peer differs.</summary>
    public static RouteTable Routes(IReadOnlyList<KnownNode> nodes, Manifest manifest, RouteTable present)
    {
        var routable = nodes.Where(n => IsRoutable(n, manifest)).OrderBy(n => n.Address, StringComparer.Ordinal).ToArray();
        var groups = ImmutableArray.CreateBuilder<GroupOwners>(manifest.Shape.Groups);
        for (int g = 0; g < manifest.Shape.Groups; g++)
            groups.Add(Owner(routable, g) is { } owner ? new GroupOwners([owner]) : GroupOwners.None);
        var peers = routable.Where(n => !n.Self && HasEndpoint(n.State!)).Select(n => new PeerNode(n.State!.NodeId, Endpoints(n.State!)));
        var table = new RouteTable(present.Epoch, groups.ToImmutable(), [.. peers]);
        return table.SameRoutes(present) ? present : table with { Epoch = present.Epoch + 1 };
    }

    /// <summary>The groups that nobody has and nobody is opening: the keeper asks for them.</summary>
    public static IReadOnlyList<int> Missing(IReadOnlyList<KnownNode> nodes, Manifest manifest) =>
        [.. Enumerable.Range(0, manifest.Shape.Groups).Where(g => !nodes.Any(n => IsRoutable(n, manifest) && n.State!.Groups.Any(o => o.Group == g)))];

    /// <summary>Whether the members, as far as they have reported, are on more than one machine.</summary>
    public static bool SpansHosts(IReadOnlyList<KnownNode> nodes) => nodes.Select(n => n.State?.HostId).OfType<string>().Distinct().Count() > 1;

    /// <summary>Whether a node may have groups of this model.</summary>
    public static bool IsExpert(KnownNode node, Manifest manifest) => node.Roles.Contains(NodeRoles.Expert) && IsRoutable(node, manifest);

    /// <summary>One node does the keeping, so that N nodes do not ask N times: the lowest address of the live expert nodes of one model.</summary>
    public static bool IsKeeper(IReadOnlyList<KnownNode> nodes, Manifest manifest)
    {
        var keeper = nodes.Where(n => IsExpert(n, manifest)).MinBy(n => n.Address, StringComparer.Ordinal);
        return keeper is { Self: true };
    }

    public static ClusterSnapshot Snapshot(IReadOnlyList<KnownNode> nodes, Manifest manifest, RouteTable routes, long groupBytes)
    {
        int count = manifest.Shape.Groups;
        var rows = new long[count];
        long tokens = 0;
        double imbalance = 0;
        foreach (var state in nodes.Select(n => n.State).OfType<NodeState>().Where(s => s.Rows.Count == count && Mismatch(s, manifest) is null))
        {
            for (int g = 0; g < count; g++)
                rows[g] += state.Rows[g];
            tokens += state.Tokens;
        }
        imbalance = RowCounters.ImbalanceScore(rows, tokens);
        var infos = nodes.OrderBy(n => n.Address, StringComparer.Ordinal).Select(n => Info(n, manifest)).ToArray();
        var groups = Enumerable.Range(0, count).Select(g => Info(g, nodes, manifest, routes, rows[g], groupBytes)).ToArray();
        return new ClusterSnapshot(manifest.Name, manifest.Digest, manifest.NumericsVersion, routes.Epoch, imbalance, infos, groups);
    }

    private static GroupRoute? Owner(KnownNode[] routable, int group)
    {
        GroupRoute? best = null;
        foreach (var node in routable)
            foreach (var owned in node.State!.Groups)
            {
                if (owned.Group != group || owned.State != OwnedGroupState.Ready)
                    continue;
                var route = new GroupRoute(node.State.NodeId, owned.Incarnation, node.Self);
                // Two owners are possible for a moment and equally right: take the own one, else the newer.
                if (best is null || (!best.Local && (route.Local || route.Incarnation > best.Incarnation)))
                    best = route;
            }
        return best;
    }

    private static NodeInfo Info(KnownNode node, Manifest manifest)
    {
        var s = node.State;
        string detail = s is null ? "has not reported yet" : Mismatch(s, manifest) ?? s.Detail;
        return new NodeInfo(
            s?.NodeId ?? "", node.Address, node.Status, node.Roles, s?.GrpcAddress ?? "", s is null ? "" : Endpoints(s).ToString(),
            s is null ? [] : [.. s.Groups.Where(g => g.State == OwnedGroupState.Ready).Select(g => g.Group).Order()],
            s?.Load, s?.Kernels ?? "", s?.ModelDigest ?? "") { Detail = detail };
    }

    private static GroupInfo Info(int group, IReadOnlyList<KnownNode> nodes, Manifest manifest, RouteTable routes, long rows, long bytes)
    {
        if (routes.Groups[group].First is { } route)
            return new GroupInfo(group, route.NodeId, GroupInfo.Ready, route.Incarnation, rows, bytes);
        var owned = nodes.Where(n => IsRoutable(n, manifest))
            .SelectMany(n => n.State!.Groups.Where(g => g.Group == group).Select(g => (Node: n.State.NodeId, Group: g)))
            .OrderByDescending(o => o.Group.Incarnation).FirstOrDefault();
        if (owned.Group is null)
            return new GroupInfo(group, "", GroupInfo.Missing, 0, rows, bytes);
        string state = owned.Group.State == OwnedGroupState.Failed ? GroupInfo.Failed : GroupInfo.Starting;
        return new GroupInfo(group, owned.Node, state, owned.Group.Incarnation, rows, bytes) { Detail = owned.Group.Reason };
    }

    private static bool HasEndpoint(NodeState s) => s.LinkUnix.Length > 0 || s.LinkTcp.Length > 0;

    private static LinkEndpoints Endpoints(NodeState s) => new(s.LinkUnix, s.LinkTcp, s.HostId);

    private static string Short(string digest) => digest.Length <= 12 ? digest : digest[..12];
}
