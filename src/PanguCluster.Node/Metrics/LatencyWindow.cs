using PanguCluster.Node.Bench;

namespace PanguCluster.Node.Metrics;

/// <summary>Times of the last minute, in slices that are dropped as they age. For many callers at once; adding allocates nothing.</summary>
public sealed class LatencyWindow
{
    /// <summary>What is reported on: between this and a slice less.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromSeconds(60);

    private const int Slices = 6;
    private static readonly TimeSpan Slice = Length / Slices;

    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly long _origin;

    /// <summary>[slice mod Slices]</summary>
    private readonly LatencyHistogram[] _slices = [.. Enumerable.Range(0, Slices).Select(_ => new LatencyHistogram())];
    private long _current;

    public LatencyWindow(TimeProvider time) => (_time, _origin) = (time, time.GetTimestamp());

    public void Add(TimeSpan took)
    {
        lock (_lock)
            _slices[Turn()].Add(took.TotalSeconds);
    }

    public LatencySummary Summary
    {
        get
        {
            var all = new LatencyHistogram();
            lock (_lock)
            {
                Turn();
                foreach (var slice in _slices)
                    all.Add(slice);
            }
            return all.Summary;
        }
    }

    /// <summary>Empties the slices whose minute is over.</summary>
    /// <returns>Index of the slice of now.</returns>
    private int Turn()
    {
        long now = _time.GetElapsedTime(_origin).Ticks / Slice.Ticks;
        for (long old = Math.Max(_current + 1, now - Slices + 1); old <= now; old++)
            _slices[old % Slices].Clear();
        _current = now;
        return (int)(now % Slices);
    }
}
