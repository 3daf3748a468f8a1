using PanguCluster.Actors.Placement;
using PanguCluster.Node.Hosting;
using Wire = Pangu.V1;

namespace PanguCluster.Node.Services;

/// <summary>A cluster snapshot as the wire has it. Pure.</summary>
public static class ClusterWriting
{
    public static Wire.ClusterState ToWire(ClusterSnapshot cluster, string answeredBy) => new()
    {
        Model = cluster.Model,
        ModelDigest = cluster.ModelDigest,
        NumericsVersion = cluster.NumericsVersion,
        RouteEpoch = cluster.RouteEpoch,
        ImbalanceScore = cluster.ImbalanceScore,
        Ready = RouteHealthCheck.WhatIsMissing(cluster) is null,
        AnsweredBy = answeredBy,
        Nodes = { cluster.Nodes.Select(Node) },
        Groups = { cluster.Groups.OrderBy(g => g.Group).Select(Group) },
        Operations = { cluster.Operations.Select(ControlWriting.ToWire) },
        WantedReplicas = cluster.WantedReplicas,
        Coordinator = cluster.Coordinator,
        PlacementEpoch = cluster.PlacementEpoch,
    };

    private static Wire.Node Node(NodeInfo node) => new()
    {
        Id = node.Id,
        Address = node.Address,
        Status = node.Status,
        Roles = { node.Roles },
        GrpcAddress = node.GrpcAddress,
        Groups = { node.Groups },
        Kernels = node.Kernels,
        ModelDigest = node.ModelDigest,
        LinkEndpoint = node.LinkEndpoint,
        Detail = node.Detail,
        Duty = (Wire.Node.Types.Duty)(int)node.Duty,
        Suspected = node.Suspected,
        Rows = node.Rows,
        Load = node.Load is not { } load ? null : new Wire.DecoderLoad
        {
            Running = load.Running,
            Waiting = load.Waiting,
            FreeBlocks = load.FreeBlocks,
            TotalBlocks = load.TotalBlocks,
            TokensGenerated = load.TokensGenerated,
            Steps = load.Steps,
            Preemptions = load.Preemptions,
            CachedBlocks = load.CachedBlocks,
            PrefixQueries = load.PrefixQueries,
            PrefixHits = load.PrefixHits,
        },
    };

    private static Wire.Group Group(GroupInfo group) => new()
    {
        Group_ = group.Group,
        NodeId = group.NodeId,
        State = group.State,
        Incarnation = group.Incarnation,
        Rows = group.Rows,
        Bytes = group.Bytes,
        Detail = group.Detail,
        Replicas = { group.Replicas.OrderBy(r => r.NodeId, StringComparer.Ordinal).Select(Replica) },
    };

    private static Wire.GroupReplica Replica(GroupReplicaInfo replica) => new()
    {
        NodeId = replica.NodeId, State = replica.State, Incarnation = replica.Incarnation, FetchedBytes = replica.FetchedBytes,
        Rows = replica.Rows,
    };
}
