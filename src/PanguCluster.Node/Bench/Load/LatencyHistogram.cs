namespace PanguCluster.Node.Bench;

/// <summary>
/// Counts of times in buckets that each are 1 % wider than the last, from a microsecond to an hour: however many times there are, a
/// percentile is known to 1 % and the memory stays the same. Not safe for several callers at once; merge one per caller.
/// </summary>
public sealed class LatencyHistogram
{
    private const double First = 1e-6;
    private const double Growth = 1.01;
    private static readonly int Buckets = (int)Math.Ceiling(Math.Log(3600 / First) / Math.Log(Growth)) + 1;

    private readonly long[] _counts = new long[Buckets];
    private double _sum;

    public long Count { get; private set; }

    /// <summary>Exact.</summary>
    public double Max { get; private set; }

    public void Add(double seconds)
    {
        int bucket = seconds <= First ? 0 : (int)Math.Ceiling(Math.Log(seconds / First) / Math.Log(Growth));
        _counts[Math.Min(bucket, Buckets - 1)]++;
        _sum += seconds;
        Max = Math.Max(Max, seconds);
        Count++;
    }

    public void Clear()
    {
        Array.Clear(_counts);
        (_sum, Max, Count) = (0, 0, 0);
    }

    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < Buckets; i++)
            _counts[i] += other._counts[i];
        _sum += other._sum;
        Max = Math.Max(Max, other.Max);
        Count += other.Count;
    }

    /// <summary>The least time that <paramref name="share"/> of all times do not exceed, to 1 %; 0 of none.</summary>
    public double Percentile(double share)
    {
        long wanted = Math.Max(1, (long)Math.Ceiling(share * Count)), seen = 0;
        for (int i = 0; i < Buckets; i++)
        {
            seen += _counts[i];
            if (seen >= wanted)
                return Math.Min(First * Math.Pow(Growth, i), Max);
        }
        return 0;
    }

    public LatencySummary Summary => new(
        Count, Count == 0 ? 0 : _sum / Count * 1000, Percentile(0.5) * 1000, Percentile(0.9) * 1000, Percentile(0.99) * 1000, Max * 1000);
}

/// <summary>Milliseconds, but for the count.</summary>
public sealed record LatencySummary(long Count, double Mean, double P50, double P90, double P99, double Max);
