namespace PanguCluster.Node.Security;

/// <summary>
/// What one key uses of this node: running sessions, and a bucket of tokens that holds a minute's worth and fills evenly. An answer's tokens
/// are taken as they come and may overdraw it: what runs is never cut, what comes next waits.
/// </summary>
public sealed class KeyUsage(TimeProvider time)
{
    private readonly object _gate = new();
    private double _tokens = double.NaN;
    private long _filled;
    private int _sessions;

    public int Sessions => Volatile.Read(ref _sessions);

    /// <summary>Takes a place, and the prompt's tokens.</summary>
    /// <param name="resumes">One who comes back: its prompt is paid, and the place that it left may not have been noticed empty, so it may have a second.</param>
    /// <returns>Null when it may start; else why not, and when it is worth another try.</returns>
    public (string Why, TimeSpan RetryAfter)? TryStart(ApiKey key, int promptTokens, bool resumes)
    {
        lock (_gate)
        {
            if (key.MaxSessions is { } most && _sessions >= (resumes ? 2 * most : most))
                return ($"the API key '{key.Id}' has {_sessions} running sessions on this node; its limit is {most}", TimeSpan.FromSeconds(1));
            if (key.TokensPerMinute is { } rate && !resumes)
            {
                Fill(rate);
                // A prompt larger than the bucket may start when the bucket is full: it would wait for ever otherwise.
                double missing = Math.Min(promptTokens, rate) - _tokens;
                if (missing > 0)
                    return ($"the API key '{key.Id}' has used up its {rate} tokens per minute on this node", TimeSpan.FromMinutes(missing / rate));
                _tokens -= promptTokens;
            }
            _sessions++;
            return null;
        }
    }

    /// <summary>One more token of an answer.</summary>
    public void Took(ApiKey key)
    {
        if (key.TokensPerMinute is not { } rate)
            return;
        lock (_gate)
        {
            Fill(rate);
            _tokens--;
        }
    }

    public void Ended()
    {
        lock (_gate)
            _sessions--;
    }

    private void Fill(int rate)
    {
        long now = time.GetTimestamp();
        _tokens = double.IsNaN(_tokens) ? rate : Math.Min(rate, _tokens + time.GetElapsedTime(_filled, now).TotalMinutes * rate);
        _filled = now;
    }
}
