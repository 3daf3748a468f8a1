using Akka.DistributedData;
using PanguCluster.Actors.Wire;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Placement;

public enum OwnedGroupState
{
    Starting,
    Ready,
    Failed,
}

/// <param name="Incarnation">Unix milliseconds when this owner began to open the group: the later of two owners has the greater one.</param>
/// <param name="Reason">Why it failed; empty otherwise.</param>
public sealed record OwnedGroup(int Group, long Incarnation, OwnedGroupState State, string Reason);

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
    public NodeState Merge(NodeState other) => other.Version > Version ? other : this;

    IReplicatedData IReplicatedData.Merge(IReplicatedData other) => Merge((NodeState)other);
}

/// <summary>One key per node process, so that each has a single writer.</summary>
public sealed class NodeStateKey(string address, int uid) : Key<NodeState>($"pangu-node-{address}#{uid}");
