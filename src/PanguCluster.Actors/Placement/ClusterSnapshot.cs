using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Placement;

/// <param name="Id">Stable short id of the node process.</param>
/// <param name="Address">Akka address.</param>
/// <param name="Status">Membership status: Joining, Up, Leaving, Unreachable, ...</param>
/// <param name="GrpcAddress">Where clients connect, or empty for a node without the gateway role.</param>
/// <param name="LinkEndpoint">Where its ExpertLink listens.</param>
/// <param name="Load">Null for a node without the decoder role.</param>
public sealed record NodeInfo(
    string Id, string Address, string Status, IReadOnlyList<string> Roles, string GrpcAddress, string LinkEndpoint,
    IReadOnlyList<int> Groups, DecoderLoad? Load, string Kernels, string ModelDigest)
{
    /// <summary>Why it is not used, or what else an operator should know: another model, a decoder that does not start. Empty otherwise.</summary>
    public string Detail { get; init; } = "";
}

/// <param name="State">Starting, Ready, Failed (it will be tried again), or Missing when no live node owns it.</param>
/// <param name="Rows">Token rows the routers of all nodes have sent to this group since they started.</param>
public sealed record GroupInfo(int Group, string NodeId, string State, long Incarnation, long Rows, long Bytes)
{
    public const string Starting = "Starting";
    public const string Ready = "Ready";
    public const string Failed = "Failed";
    public const string Missing = "Missing";

    /// <summary>Why it failed; empty otherwise.</summary>
    public string Detail { get; init; } = "";
}

/// <summary>The cluster as one node sees it now: membership, placement, load.</summary>
/// <param name="RouteEpoch">Grows with every change of this node's route table.</param>
/// <param name="ImbalanceScore">(max rows - min rows) / tokens over devices: arXiv 2505.21411 equation 3. 0 by construction.</param>
public sealed record ClusterSnapshot(
    string Model, string ModelDigest, int NumericsVersion, long RouteEpoch, double ImbalanceScore,
    IReadOnlyList<NodeInfo> Nodes, IReadOnlyList<GroupInfo> Groups);

/// <summary>A read-only, always current view for the operator service. Reading it costs nothing and asks nobody.</summary>
public interface IClusterView
{
    ClusterSnapshot Current { get; }
}
