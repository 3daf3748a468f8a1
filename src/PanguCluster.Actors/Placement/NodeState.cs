using Akka.DistributedData;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Wire;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Placement;

public enum OwnedGroupState
{
    Starting,
    Ready,
    Failed,

    /// <summary>Its file is on the way from a peer.</summary>
    Fetching,
}

/// <param name="Incarnation">The number the placement table gave it; <see cref="StandIn"/> for a device that only stands in.</param>
/// <param name="Reason">Why it failed; empty otherwise.</param>
public sealed record OwnedGroup(int Group, long Incarnation, OwnedGroupState State, string Reason)
{
    public const long StandIn = 0;

    /// <summary>Of the group's file, while it is fetched.</summary>
    public long FetchedBytes { get; init; }

    /// <summary>Ready, but its weights are still to be read from the disk: memory was short.</summary>
    public bool Mapped { get; init; }
}

/// <summary>A peer that a node has lost its link to.</summary>
public sealed record Suspicion(string NodeId, PeerLoss Loss);

/// <summary>What a node says of itself. Written by that node alone; every other node merges the highest version.</summary>
/// <param name="LinkUnix">Path of the Unix-domain socket, or empty.</param>
/// <param name="LinkTcp">host:port, or empty.</param>
/// <param name="HostId">Equal on two nodes of one machine: then the Unix-domain socket is tried first.</param>
/// <param name="Decoder">Serialized path of the running decoder, incarnation included, or empty.</param>
/// <param name="Rows">[group] token rows this node's router has had answered, over all layers.</param>
/// <param name="Tokens">Token rows times layers this node's router has had answered.</param>
/// <param name="Detail">What an operator should know, such as why the decoder does not start; empty otherwise.</param>
public sealed record NodeState(
    string NodeId, long Version, string GrpcAddress, string LinkUnix, string LinkTcp, string HostId, string Kernels,
    string Model, string ModelDigest, int NumericsVersion, IReadOnlyList<OwnedGroup> Groups, string Decoder, DecoderLoad? Load,
    IReadOnlyList<long> Rows, long Tokens, string Detail) : IReplicatedData<NodeState>, IWireMessage
{
    /// <summary>Peers whose link to this node is down.</summary>
    public IReadOnlyList<Suspicion> Suspects { get; init; } = [];

    /// <summary>[group] token rows this node's devices have computed, over all layers; whoever asked, and hedged ones too.</summary>
    public IReadOnlyList<long> Computed { get; init; } = [];

    /// <summary>Groups whose file is here.</summary>
    public IReadOnlyList<int> Files { get; init; } = [];

    /// <summary>Most groups it takes.</summary>
    public int MaxGroups { get; init; } = int.MaxValue;

    public NodeState Merge(NodeState other) => other.Version > Version ? other : this;

    IReplicatedData IReplicatedData.Merge(IReplicatedData other) => Merge((NodeState)other);
}

/// <summary>One key per node process, so that each has a single writer.</summary>
public sealed class NodeStateKey(string address, int uid) : Key<NodeState>($"pangu-node-{address}#{uid}");
