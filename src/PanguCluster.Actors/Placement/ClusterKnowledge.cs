using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>A member of the cluster as this node sees it, with what it last said of itself.</summary>
/// <param name="Alive">Up (or leaving, but still there) and reachable.</param>
public sealed record KnownNode(
    string Address, string Status, bool Alive, bool Self, IReadOnlyList<string> Roles, NodeState? State)
{
    /// <summary>On its way out of the cluster.</summary>
    public bool IsLeaving => Status is "Leaving" or "Exiting" or "Down" or "Removed";
}

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

    /// <summary>Whether the members, as far as they have reported, are on more than one machine.</summary>
    public static bool SpansHosts(IReadOnlyList<KnownNode> nodes) => nodes.Select(n => n.State?.HostId).OfType<string>().Distinct().Count() > 1;

    /// <summary>Whether a node may have groups of this model.</summary>
    public static bool IsExpert(KnownNode node, Manifest manifest) => node.Roles.Contains(NodeRoles.Expert) && IsRoutable(node, manifest);

    /// <param name="suspected">Node ids whose link to this node is down.</param>
    public static ClusterSnapshot Snapshot(
        IReadOnlyList<KnownNode> nodes, Manifest manifest, PlacementTable table, RouteTable routes, IReadOnlySet<string> suspected, long groupBytes)
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
        var infos = nodes.OrderBy(n => n.Address, StringComparer.Ordinal).Select(n => Info(n, manifest, table, suspected)).ToArray();
        var groups = Enumerable.Range(0, count).Select(g => Info(g, nodes, manifest, routes, rows[g], groupBytes) with
        {
            Replicas = Replicas(g, nodes, manifest, table),
        }).ToArray();
        return new ClusterSnapshot(manifest.Name, manifest.Digest, manifest.NumericsVersion, routes.Epoch, imbalance, infos, groups)
        {
            Operations = [.. table.Operations.Select(o => o.Info)],
            WantedReplicas = table.Replicas,
            Coordinator = table.Coordinator,
            PlacementEpoch = table.Epoch,
        };
    }

    private static GroupReplicaInfo[] Replicas(int group, IReadOnlyList<KnownNode> nodes, Manifest manifest, PlacementTable table)
    {
        var replicas = table.Groups.Where(i => i.Group == group).Select(i => Info(i, nodes)).ToList();
        // What is there beside the table: stand-ins, and devices that have not ended yet.
        foreach (var node in nodes.Where(n => IsRoutable(n, manifest)))
            foreach (var owned in node.State!.Groups.Where(o => o.Group == group && !table.Groups.Any(i => i.Group == group && i.Number == o.Incarnation)))
                replicas.Add(new GroupReplicaInfo(
                    node.State.NodeId, owned.Incarnation == OwnedGroup.StandIn ? GroupReplicaInfo.StandIn : GroupReplicaInfo.Draining, owned.Incarnation, 0));
        var computed = nodes.Select(n => n.State).OfType<NodeState>().Where(s => s.Computed.Count > group).ToLookup(s => s.NodeId, s => s.Computed[group]);
        return [.. replicas.Select(r => r with { Rows = computed[r.NodeId].FirstOrDefault() }).OrderBy(r => r.NodeId, StringComparer.Ordinal).ThenBy(r => r.Incarnation)];
    }

    private static GroupReplicaInfo Info(GroupIncarnation i, IReadOnlyList<KnownNode> nodes)
    {
        var node = nodes.FirstOrDefault(n => n.Alive && n.State?.NodeId == i.NodeId);
        var report = node?.State!.Groups.FirstOrDefault(g => g.Group == i.Group && g.Incarnation == i.Number);
        string state = node is null ? GroupInfo.Missing : (i.Phase, report?.State) switch
        {
            (IncarnationPhase.Draining, _) => GroupReplicaInfo.Draining,
            (_, null) => GroupInfo.Starting,
            (_, OwnedGroupState.Failed) => GroupInfo.Failed,
            (_, OwnedGroupState.Fetching) => GroupReplicaInfo.Fetching,
            (IncarnationPhase.Serving, OwnedGroupState.Ready) when report!.Mapped => GroupReplicaInfo.Mapped,
            (IncarnationPhase.Serving, OwnedGroupState.Ready) => GroupInfo.Ready,
            _ => GroupReplicaInfo.Warming,
        };
        return new GroupReplicaInfo(i.NodeId, state, i.Number, report?.FetchedBytes ?? 0);
    }

    private static NodeInfo Info(KnownNode node, Manifest manifest, PlacementTable table, IReadOnlySet<string> suspected)
    {
        var s = node.State;
        string detail = s is null ? "has not reported yet" : Mismatch(s, manifest) ?? s.Detail;
        return new NodeInfo(
            s?.NodeId ?? "", node.Address, node.Status, node.Roles, s?.GrpcAddress ?? "", s is null ? "" : Endpoints(s).ToString(),
            s is null ? [] : [.. s.Groups.Where(g => g.State == OwnedGroupState.Ready).Select(g => g.Group).Distinct().Order()],
            s?.Load, s?.Kernels ?? "", s?.ModelDigest ?? "")
        {
            Detail = detail,
            Duty = s is null ? NodeDuty.Serves : table.DutyOf(s.NodeId),
            Files = s?.Files ?? [],
            Rows = s?.Computed.Sum() ?? 0,
            Suspected = s is not null && suspected.Contains(s.NodeId),
        };
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

    internal static bool HasEndpoint(NodeState s) => s.LinkUnix.Length > 0 || s.LinkTcp.Length > 0;

    internal static LinkEndpoints Endpoints(NodeState s) => new(s.LinkUnix, s.LinkTcp, s.HostId);

    private static string Short(string digest) => digest.Length <= 12 ? digest : digest[..12];
}
