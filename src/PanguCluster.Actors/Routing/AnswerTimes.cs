using System.Numerics;

namespace PanguCluster.Actors.Routing;

/// <summary>When an answer is late, and how often a late one may be asked for a second time.</summary>
/// <param name="Floor">Never late before this: the jitter of a healthy machine is not worth a second computation.</param>
/// <param name="Factor">Times the slowest answer of a thousand.</param>
/// <param name="Unknown">The deadline until <paramref name="EnoughAnswers"/> have been seen: first answers touch cold weights.</param>
/// <param name="Share">Layers of all that may be hedged in the long run: overload makes everything late, and must not be answered with more load.</param>
/// <param name="Burst">Hedged layers that may follow each other at once.</param>
public sealed record HedgeOptions(TimeSpan Floor, double Factor, TimeSpan Unknown, int EnoughAnswers, double Share, int Burst)
{
    public static HedgeOptions Default { get; } = new(TimeSpan.FromMilliseconds(10), 2, TimeSpan.FromSeconds(1), 256, 0.02, 8);

    /// <exception cref="ArgumentException">A field is out of range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Floor, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(Factor, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Unknown, Floor);
        ArgumentOutOfRangeException.ThrowIfLessThan(EnoughAnswers, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Share);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Share, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Burst);
    }
}

/// <summary>
/// How long one owner takes to answer, by the amount of work, and the deadline that follows: its slowest answer of a thousand times a factor.
/// Counts in buckets an eighth of an octave wide; old answers fade by halving. Adding and asking cost nanoseconds and allocate nothing.
/// </summary>
internal sealed class AnswerTimes
{
    private const int PerOctave = 8;
    private const int Octaves = 25; // up to 33 s
    private const int Times = Octaves * PerOctave;
    private const int Works = 16;
    private const int Fading = 8192;
    private const int Refresh = 64;
    private const double Tail = 0.001;

    private readonly HedgeOptions _options;
    private readonly double _microseconds;
    private readonly int[] _counts = new int[Works * Times]; // [work, time]
    private readonly int[] _totals = new int[Works];
    private readonly int[] _sinceRefresh = new int[Works];
    private readonly long[] _deadlines = new long[Works];

    /// <param name="frequency">Ticks of all times per second.</param>
    public AnswerTimes(HedgeOptions options, long frequency)
    {
        _options = options;
        _microseconds = 1e6 / frequency;
        Array.Fill(_deadlines, Ticks(options.Unknown));
    }

    /// <param name="work">Rows times groups of one dispatch.</param>
    /// <returns>Ticks after which its answer is late.</returns>
    public long Deadline(int work) => _deadlines[WorkBucket(work)];

    public void Add(int work, long ticks)
    {
        int w = WorkBucket(work);
        _counts[w * Times + TimeBucket(ticks * _microseconds)]++;
        _totals[w]++;
        if (++_sinceRefresh[w] < Refresh)
            return;
        _sinceRefresh[w] = 0;
        if (_totals[w] >= Fading)
            Fade(w);
        if (_totals[w] >= _options.EnoughAnswers)
            _deadlines[w] = Math.Max(Ticks(_options.Floor), (long)(UpperEnd(TailBucket(w)) * _options.Factor / _microseconds));
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalMicroseconds / _microseconds);

    private static int WorkBucket(int work) => Math.Min(BitOperations.Log2((uint)work | 1), Works - 1);

    private static int TimeBucket(double microseconds)
    {
        if (microseconds < 1)
            return 0;
        int octave = (int)Math.ILogB(microseconds);
        int eighth = (int)((microseconds / (1L << octave) - 1) * PerOctave);
        return Math.Min(octave * PerOctave + eighth, Times - 1);
    }

    /// <summary>Microseconds at the upper end of a bucket.</summary>
    private static double UpperEnd(int bucket) => (1L << bucket / PerOctave) * (1 + (bucket % PerOctave + 1) / (double)PerOctave);

    /// <summary>The bucket of the 99.9th percentile.</summary>
    private int TailBucket(int w)
    {
        int above = (int)(_totals[w] * Tail);
        int b = Times - 1;
        for (; b > 0; b--)
        {
            above -= _counts[w * Times + b];
            if (above < 0)
                break;
        }
        return b;
    }

    private void Fade(int w)
    {
        int total = 0;
        foreach (ref int count in _counts.AsSpan(w * Times, Times))
            total += count /= 2;
        _totals[w] = total;
    }
}
