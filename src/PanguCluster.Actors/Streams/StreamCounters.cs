namespace PanguCluster.Actors.Streams;

/// <summary>Counts over all streams of a node.</summary>
public sealed class StreamCounters
{
    private long _active;
    private long _detached;
    private long _resubmissions;
    private long _handOvers;
    private long _suspicions;
    private long _violations;
    private long _resumes;
    private long _joins;

    public long Active => Interlocked.Read(ref _active);

    /// <summary>Those of the active streams that have no caller now.</summary>
    public long Detached => Interlocked.Read(ref _detached);

    /// <summary>Times a running sequence was given to another decoder.</summary>
    public long Resubmissions => Interlocked.Read(ref _resubmissions);

    /// <summary>Times a sequence went on at another decoder because its own is being drained, make before break.</summary>
    public long HandOvers => Interlocked.Read(ref _handOvers);

    /// <summary>Times a decoder or its node was taken for gone or hung.</summary>
    public long Suspicions => Interlocked.Read(ref _suspicions);

    /// <summary>Tokens that were computed twice and differently. Anything but 0 is a bug in a kernel.</summary>
    public long DeterminismViolations => Interlocked.Read(ref _violations);

    /// <summary>Callers who came back for a session, to a stream that runs here or to a new one.</summary>
    public long Resumes => Interlocked.Read(ref _resumes);

    /// <summary>Requests that found their session running and joined it.</summary>
    public long Joins => Interlocked.Read(ref _joins);

    internal void Opened() => Interlocked.Increment(ref _active);

    internal void Closed() => Interlocked.Decrement(ref _active);

    internal void Detach() => Interlocked.Increment(ref _detached);

    internal void Reattach() => Interlocked.Decrement(ref _detached);

    internal void Resubmitted() => Interlocked.Increment(ref _resubmissions);

    internal void HandedOver() => Interlocked.Increment(ref _handOvers);

    internal void Suspected(int decoders) => Interlocked.Add(ref _suspicions, decoders);

    internal void Violated() => Interlocked.Increment(ref _violations);

    internal void Resumed() => Interlocked.Increment(ref _resumes);

    internal void Joined() => Interlocked.Increment(ref _joins);
}
