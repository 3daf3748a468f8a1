using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Planning;
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

    /// <summary>Whether it takes groups and sequences, keeps what it has, or is being emptied.</summary>
    public NodeDuty Duty { get; init; }

    /// <summary>A link or heartbeat says that it is gone or hangs; membership may not know yet.</summary>
    public bool Suspected { get; init; }

    /// <summary>Token rows its devices have computed since it started, over all layers and groups.</summary>
    public long Rows { get; init; }

    /// <summary>Groups whose file it has: the others it must fetch first.</summary>
    public IReadOnlyList<int> Files { get; init; } = [];
}

/// <summary>One replica of a group on a node.</summary>
/// <param name="State">One of <see cref="GroupInfo"/>'s, or Warming, Mapped, Fetching, Draining, StandIn.</param>
/// <param name="FetchedBytes">Of the group's file, while it comes from a peer; else 0.</param>
public sealed record GroupReplicaInfo(string NodeId, string State, long Incarnation, long FetchedBytes)
{
    /// <summary>Token rows its node's devices have computed of this group since the node started, over all layers.</summary>
    public long Rows { get; init; }

    public const string Warming = "Warming";
    public const string Draining = "Draining";
    public const string Fetching = "Fetching";
    public const string StandIn = "StandIn";

    /// <summary>Ready, but its weights are still to be read from the disk.</summary>
    public const string Mapped = "Mapped";
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

    /// <summary>Every replica there is or will be, by node id.</summary>
    public IReadOnlyList<GroupReplicaInfo> Replicas { get; init; } = [];
}

/// <summary>The cluster as one node sees it now: membership, placement, load.</summary>
/// <param name="RouteEpoch">Grows with every change of this node's route table.</param>
/// <param name="ImbalanceScore">(max rows - min rows) / tokens over devices: arXiv 2505.21411 equation 3. 0 by construction.</param>
public sealed record ClusterSnapshot(
    string Model, string ModelDigest, int NumericsVersion, long RouteEpoch, double ImbalanceScore,
    IReadOnlyList<NodeInfo> Nodes, IReadOnlyList<GroupInfo> Groups)
{
    /// <summary>Running operations and those that ended last, newest first.</summary>
    public IReadOnlyList<OperationInfo> Operations { get; init; } = [];

    /// <summary>Wanted for each group.</summary>
    public int WantedReplicas { get; init; } = 1;

    /// <summary>Node of the placement coordinator; empty while there is none.</summary>
    public string Coordinator { get; init; } = "";

    /// <summary>Epoch of the cluster-wide placement table.</summary>
    public long PlacementEpoch { get; init; }
}

/// <summary>A read-only, always current view for the operator service. Reading it costs nothing and asks nobody.</summary>
public interface IClusterView
{
    ClusterSnapshot Current { get; }
}
