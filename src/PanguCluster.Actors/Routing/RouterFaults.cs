using System.Collections.Immutable;

namespace PanguCluster.Actors.Routing;

/// <summary>What held a layer up.</summary>
public enum StallCause
{
    /// <summary>The link to an owner broke or fell silent.</summary>
    LinkDown = 0,

    /// <summary>An owner no longer has the group.</summary>
    NotReady = 1,

    /// <summary>A kernel failed.</summary>
    Failed = 2,

    /// <summary>An owner did not answer in time: another was asked too.</summary>
    Late = 3,

    /// <summary>No owner could take it for a time.</summary>
    NoOwner = 4,
}

/// <summary>A layer that met a failure and was finished all the same.</summary>
/// <param name="NodeId">The owner that failed first; empty if the group had none.</param>
/// <param name="Groups">What had to be asked for again.</param>
/// <param name="Duration">From the layer's dispatch to its last answer.</param>
public sealed record StalledLayer(string NodeId, StallCause Cause, ImmutableArray<int> Groups, TimeSpan Duration);

/// <summary>What has gone wrong on the way to this node's groups, and what it cost. One writer, many readers.</summary>
public sealed class RouterFaults
{
    private long _hedges;
    private long _hedgeWins;
    private long _resent;
    private long _late;
    private long _suspicions;
    private long _stalls;
    private long _lastStall;
    private long _longestStall;

    /// <summary>Groups asked of a second owner because the first was late.</summary>
    public long Hedges => Interlocked.Read(ref _hedges);

    /// <summary>Hedges that answered before the owner that was late.</summary>
    public long HedgeWins => Interlocked.Read(ref _hedgeWins);

    /// <summary>Groups sent again because their owner was gone, not ready or failed.</summary>
    public long Resent => Interlocked.Read(ref _resent);

    /// <summary>Answers that came too late or twice and were dropped.</summary>
    public long LateAnswers => Interlocked.Read(ref _late);

    /// <summary>Times a peer was suspected.</summary>
    public long Suspicions => Interlocked.Read(ref _suspicions);

    /// <summary>Layers that met a failure.</summary>
    public long Stalls => Interlocked.Read(ref _stalls);

    /// <summary>How long the last of them took.</summary>
    public TimeSpan LastStall => new(Interlocked.Read(ref _lastStall));

    public TimeSpan LongestStall => new(Interlocked.Read(ref _longestStall));

    /// <summary>Called for every layer that met a failure, on the router's thread: must only hand over.</summary>
    public Action<StalledLayer>? Stalled { get; set; }

    internal void CountHedge() => Interlocked.Increment(ref _hedges);

    internal void CountHedgeWin() => Interlocked.Increment(ref _hedgeWins);

    internal void CountResent() => Interlocked.Increment(ref _resent);

    internal void CountLate() => Interlocked.Increment(ref _late);

    internal void CountSuspicion() => Interlocked.Increment(ref _suspicions);

    internal void Report(StalledLayer layer)
    {
        Interlocked.Increment(ref _stalls);
        Interlocked.Exchange(ref _lastStall, layer.Duration.Ticks);
        Interlocked.Exchange(ref _longestStall, Math.Max(LongestStall.Ticks, layer.Duration.Ticks));
        Stalled?.Invoke(layer);
    }
}
