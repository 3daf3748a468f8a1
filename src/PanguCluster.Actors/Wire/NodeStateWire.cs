using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Wire;

internal static class NodeStateWire
{
    public static Proto.NodeState Write(NodeState s)
    {
        var message = new Proto.NodeState
        {
            NodeId = s.NodeId, Version = s.Version, GrpcAddress = s.GrpcAddress, LinkUnix = s.LinkUnix, LinkTcp = s.LinkTcp,
            HostId = s.HostId, Kernels = s.Kernels, Model = s.Model, ModelDigest = s.ModelDigest, NumericsVersion = s.NumericsVersion,
            Decoder = s.Decoder, Tokens = s.Tokens, Detail = s.Detail,
            MaxGroups = s.MaxGroups,
        };
        foreach (var g in s.Groups)
            message.Groups.Add(new Proto.OwnedGroup { Group = g.Group, Incarnation = g.Incarnation, State = (int)g.State, Reason = g.Reason, FetchedBytes = g.FetchedBytes, Mapped = g.Mapped });
        foreach (var suspect in s.Suspects)
            message.Suspects.Add(new Proto.Suspicion { NodeId = suspect.NodeId, Loss = (int)suspect.Loss });
        message.Files.AddRange(s.Files);
        message.Rows.AddRange(s.Rows);
        message.Computed.AddRange(s.Computed);
        if (s.Load is { } l)
            message.Load = new Proto.Load
            {
                Running = l.Running, Waiting = l.Waiting, FreeBlocks = l.FreeBlocks, TotalBlocks = l.TotalBlocks,
                TokensGenerated = l.TokensGenerated, Steps = l.Steps, Preemptions = l.Preemptions,
                CachedBlocks = l.CachedBlocks, PrefixQueries = l.PrefixQueries, PrefixHits = l.PrefixHits,
            };
        return message;
    }

    public static NodeState Read(Proto.NodeState m)
    {
        var l = m.Load;
        return new NodeState(
            m.NodeId, m.Version, m.GrpcAddress, m.LinkUnix, m.LinkTcp, m.HostId, m.Kernels, m.Model, m.ModelDigest, m.NumericsVersion,
            [.. m.Groups.Select(g => new OwnedGroup(g.Group, g.Incarnation, SequenceWire.ReadEnum<OwnedGroupState>(g.State), g.Reason) { FetchedBytes = g.FetchedBytes, Mapped = g.Mapped })],
            m.Decoder,
            l is null ? null : new DecoderLoad(
                l.Running, l.Waiting, l.FreeBlocks, l.TotalBlocks, l.TokensGenerated, l.Steps, l.Preemptions,
                l.CachedBlocks, l.PrefixQueries, l.PrefixHits),
            [.. m.Rows], m.Tokens, m.Detail)
        {
            Suspects = [.. m.Suspects.Select(suspect => new Suspicion(suspect.NodeId, SequenceWire.ReadEnum<PeerLoss>(suspect.Loss)))],
            Files = [.. m.Files],
            Computed = [.. m.Computed],
            MaxGroups = m.MaxGroups,
        };
    }
}
