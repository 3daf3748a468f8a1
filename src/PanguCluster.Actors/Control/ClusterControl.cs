namespace PanguCluster.Actors.Control;

/// <summary>What an operator may ask of the cluster, at any of its nodes. The placement coordinator carries it out.</summary>
public abstract record ControlCommand
{
    /// <summary>The node takes no new groups and no new sequences; what it has it keeps.</summary>
    public sealed record Cordon(string NodeId) : ControlCommand;

    public sealed record Uncordon(string NodeId) : ControlCommand;

    /// <summary>Everything moves away from the node, which stays a member, cordoned. An operation.</summary>
    /// <param name="Timeout">Longest time it may take; the node is uncordoned again if it takes longer.</param>
    /// <param name="Leave">The node leaves the cluster when it is empty, and its process ends with 0.</param>
    public sealed record Drain(string NodeId, TimeSpan Timeout, bool Leave = false) : ControlCommand;

    /// <summary>Moves groups until the nodes have equal numbers of them. An operation.</summary>
    public sealed record Rebalance : ControlCommand;

    /// <summary>Starts or drains nodes until there are so many. An operation; it takes the place of one that still runs.</summary>
    public sealed record Scale(int Nodes) : ControlCommand;

    /// <summary>Ends an operation where it is; what it has moved stays moved.</summary>
    public sealed record Abort(string OperationId) : ControlCommand;
}

/// <param name="Accepted">False: refused, nothing was changed.</param>
/// <param name="Reason">Why it was refused, or what was found to be done already; empty otherwise.</param>
/// <param name="OperationId">The operation that was begun, to be followed in <see cref="Placement.ClusterSnapshot.Operations"/>; empty if there is none.</param>
public sealed record ControlReply(bool Accepted, string Reason, string OperationId);

public enum OperationKind
{
    Drain = 0,
    Rebalance = 1,
    Scale = 2,
}

public enum OperationState
{
    Running = 0,
    Done = 1,
    Failed = 2,
    Aborted = 3,
}

/// <summary>A piece of work of the coordinator that takes time. Part of the replicated placement, so it outlives the coordinator's node.</summary>
/// <param name="Subject">A node id, or the number of nodes wanted.</param>
/// <param name="Done">Steps done of <paramref name="Total"/>; the total may grow while it runs.</param>
/// <param name="Detail">What it is doing, or how it ended.</param>
/// <param name="EndedUnixMs">0 while it runs.</param>
public sealed record OperationInfo(
    string Id, OperationKind Kind, string Subject, OperationState State, int Done, int Total, string Detail, long StartedUnixMs, long EndedUnixMs);

/// <summary>The way to the coordinator from any node.</summary>
public interface IClusterControl
{
    /// <exception cref="ControlUnavailableException">The coordinator does not answer: it may be moving to another node. Trying again is harmless.</exception>
    Task<ControlReply> SendAsync(ControlCommand command, CancellationToken cancellation);

    /// <summary>The moves a rebalance would make now, as this node sees the cluster. Asks nobody.</summary>
    Placement.Planning.PlacementPlan Simulate();
}

public sealed class ControlUnavailableException(string message) : Exception(message);
