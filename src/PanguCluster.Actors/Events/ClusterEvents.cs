using System.Collections.Immutable;

namespace PanguCluster.Actors.Events;

public enum ClusterEventKind
{
    NodeJoined = 0,
    NodeUp = 1,
    NodeLeaving = 2,
    NodeRemoved = 3,

    /// <summary>A link or heartbeat says that a node is gone or hangs.</summary>
    PeerSuspected = 4,

    /// <summary>A suspected node answers again.</summary>
    PeerTrusted = 5,

    /// <summary>Groups of a suspected node are computed elsewhere; the duration is the stall of the layer that met it.</summary>
    Rerouted = 6,

    /// <summary>A node opened a group whose owner is gone and that has no other.</summary>
    StoodIn = 7,
    MoveStarted = 8,
    MoveDone = 9,
    MoveFailed = 10,
    GroupFailed = 11,
    FileFetched = 12,

    /// <summary>Streams have gone to another decoder; the duration is the longest gap.</summary>
    StreamsMoved = 13,
    OperationStarted = 14,
    OperationEnded = 15,

    /// <summary>A node was started or stopped for a scale operation.</summary>
    ScaleStep = 16,
    Autoscale = 17,
    NodeDowned = 18,
    CoordinatorStarted = 19,
}

/// <summary>Something that happened in the cluster, for an operator to read.</summary>
/// <param name="Sequence">Grows with the events of one recorder.</param>
/// <param name="Recorder">Node that saw it.</param>
/// <param name="Subject">What it happened to: a node id, "group 3", an operation's id.</param>
/// <param name="Detail">One sentence.</param>
/// <param name="DurationMs">How long it took; null where there is nothing to measure.</param>
public sealed record ClusterEvent(
    long AtUnixMs, string Recorder, long Sequence, ClusterEventKind Kind, string Subject, string Detail, double? DurationMs);

/// <summary>The cluster's log of events: bounded, the same on every node, and it survives the node that wrote it.</summary>
public interface IClusterEvents
{
    /// <summary>Never blocks and never fails.</summary>
    void Record(ClusterEventKind kind, string subject, string detail, TimeSpan? duration = null);

    /// <summary>What this node knows of now, oldest first.</summary>
    ImmutableArray<ClusterEvent> Recent { get; }

    /// <summary>Everything in <see cref="Recent"/>, then each event as it becomes known, until cancelled.</summary>
    IAsyncEnumerable<ClusterEvent> FollowAsync(CancellationToken cancellation);
}
