namespace PanguCluster.Node.Bench;

/// <summary>The kernel calls of a step, in the order a token passes them.</summary>
public enum Stage
{
    Embed,
    Attend,
    Route,
    Experts,
    Shared,
    Combine,
    Logits,

    /// <summary>The bench's own counting: no part of the step.</summary>
    Counting,
}

/// <summary>Adds up the time spent inside kernels, by stage; what is left of a step is planning, sampling, copying: our own overhead.</summary>
public sealed class KernelClock(TimeProvider time)
{
    /// <summary>How many stages there are, <see cref="Stage.Counting"/> not among them.</summary>
    public const int Stages = (int)Stage.Counting;

    private readonly long[] _ticks = new long[Stages + 1];
    private long _entered;

    /// <summary>Seconds of every stage since the last reset.</summary>
    public double[] Seconds => [.. _ticks.Take(Stages).Select(ToSeconds)];

    /// <summary>Seconds to take off what was measured around it.</summary>
    public double Counting => ToSeconds(_ticks[(int)Stage.Counting]);

    public void Reset() => Array.Clear(_ticks);

    internal void Enter() => _entered = time.GetTimestamp();

    internal void Leave(Stage stage) => _ticks[(int)stage] += time.GetTimestamp() - _entered;

    private double ToSeconds(long ticks) => time.GetElapsedTime(0, ticks).TotalSeconds;
}
