namespace PanguCluster.Client.Streaming;

/// <summary>The time that a call may still spend without a server, added up over its attempts. Time is counted from any fixed point.</summary>
internal sealed class RetryBudget(TimeSpan limit)
{
    private TimeSpan _spent;
    private TimeSpan? _cutOffSince;

    /// <summary>The call has no server from now on. Told again, it changes nothing.</summary>
    public void CutOff(TimeSpan now) => _cutOffSince ??= now;

    /// <summary>A server answers. What was spent stays spent: a server that answers and fails in turn must not be tried for ever.</summary>
    public void Connected(TimeSpan now)
    {
        _spent += now - (_cutOffSince ?? now);
        _cutOffSince = null;
    }

    /// <summary>Something new has come.</summary>
    public void Progressed() => (_spent, _cutOffSince) = (TimeSpan.Zero, null);

    public TimeSpan Left(TimeSpan now) => limit - _spent - (now - (_cutOffSince ?? now));
}
