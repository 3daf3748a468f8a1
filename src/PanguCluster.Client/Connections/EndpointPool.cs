namespace PanguCluster.Client.Connections;

/// <summary>
/// What all calls of a client know of its servers' health. A server that cannot be reached rests, longer with every failure in a row;
/// one that answers is well at once. Time is counted from any fixed point.
/// </summary>
/// <param name="jitter">Draws 0 .. 1, for pauses that do not fall together.</param>
internal sealed class EndpointPool(int count, TimeSpan firstPause, TimeSpan longestPause, Func<double> jitter)
{
    private readonly Lock _lock = new();
    private readonly int[] _failures = new int[count];
    private readonly TimeSpan[] _restsUntil = new TimeSpan[count];
    private int _started = -1;

    public int Count => count;

    /// <summary>Where the next call starts: every server in turn, the first one first.</summary>
    public int Start() => (int)((uint)Interlocked.Increment(ref _started) % (uint)count);

    public TimeSpan RestsUntil(int endpoint)
    {
        lock (_lock)
            return _restsUntil[endpoint];
    }

    public void Failed(int endpoint, TimeSpan now)
    {
        lock (_lock)
            // The many streams of one broken connection are one failure.
            if (now >= _restsUntil[endpoint])
                _restsUntil[endpoint] = now + Pause(_failures[endpoint]++);
    }

    public void Answered(int endpoint)
    {
        lock (_lock)
            (_failures[endpoint], _restsUntil[endpoint]) = (0, TimeSpan.Zero);
    }

    /// <summary>The pause after so many failures before: doubling, half of it drawn.</summary>
    public TimeSpan Pause(int failures)
    {
        double longest = Math.Min(longestPause.TotalMilliseconds, firstPause.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 40)));
        return TimeSpan.FromMilliseconds(longest * (0.5 + 0.5 * jitter()));
    }
}
