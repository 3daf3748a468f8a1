namespace PanguCluster.Actors.Weights;

/// <summary>Limits a rate: what is taken beyond it must be waited for. Holds up to one second's worth.</summary>
internal sealed class TokenBucket(long perSecond, TimeProvider time)
{
    private readonly object _gate = new();
    private double _tokens = perSecond;
    private long _at = time.GetTimestamp();

    /// <summary>Takes so many, into debt if need be.</summary>
    /// <returns>How long to wait until the debt is paid; zero: not at all.</returns>
    public TimeSpan Take(int count)
    {
        lock (_gate)
        {
            long now = time.GetTimestamp();
            _tokens = Math.Min(perSecond, _tokens + time.GetElapsedTime(_at, now).TotalSeconds * perSecond) - count;
            _at = now;
            return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / perSecond);
        }
    }
}
