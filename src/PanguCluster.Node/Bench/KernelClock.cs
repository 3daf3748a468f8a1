namespace PanguCluster.Node.Bench;

/// <summary>Adds up the time spent inside kernels; what is left of a step is planning, sampling, copying: our own overhead.</summary>
public sealed class KernelClock(TimeProvider time)
{
    private long _ticks;
    private long _entered;

    public TimeSpan Elapsed => time.GetElapsedTime(0, _ticks);

    public void Reset() => _ticks = 0;

    internal void Enter() => _entered = time.GetTimestamp();

    internal void Leave() => _ticks += time.GetTimestamp() - _entered;
}
