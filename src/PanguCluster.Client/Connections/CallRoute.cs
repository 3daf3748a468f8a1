namespace PanguCluster.Client.Connections;

/// <summary>
/// One call's way through the servers: its next attempt goes to the one that rests least, in their order. Beside the health that all
/// calls share, a call remembers which servers refused it.
/// </summary>
internal sealed class CallRoute(EndpointPool pool)
{
    private readonly TimeSpan[] _restsUntil = new TimeSpan[pool.Count];
    private readonly bool[] _tried = new bool[pool.Count];
    private readonly bool[] _hopeless = new bool[pool.Count];
    private readonly int[] _refusals = new int[pool.Count];
    private int _next = pool.Start();

    /// <summary>Whether every server has had its attempt since the last progress.</summary>
    public bool TriedAll => Array.TrueForAll(_tried, tried => tried);

    /// <summary>Whether no server can ever take this call, like one with another authority's certificate.</summary>
    public bool IsHopeless => Array.TrueForAll(_hopeless, hopeless => hopeless);

    /// <summary>Where to try next, and how long to wait before.</summary>
    public (int Endpoint, TimeSpan Wait) Next(TimeSpan now)
    {
        var (best, least) = (_next, TimeSpan.MaxValue);
        for (int i = 0; i < pool.Count; i++)
        {
            int endpoint = (_next + i) % pool.Count;
            var shared = pool.RestsUntil(endpoint);
            var until = shared > _restsUntil[endpoint] ? shared : _restsUntil[endpoint];
            var wait = until > now ? until - now : TimeSpan.Zero;
            if (wait < least)
                (best, least) = (endpoint, wait);
        }
        return (best, least);
    }

    /// <summary>A server that has not had its attempt, in their order, or null.</summary>
    public int? Untried()
    {
        for (int i = 0; i < pool.Count; i++)
            if ((_next + i) % pool.Count is var endpoint && !_tried[endpoint])
                return endpoint;
        return null;
    }

    /// <summary>The server cannot be reached, or broke the connection.</summary>
    public void Lost(int endpoint, TimeSpan now, bool hopeless)
    {
        Tried(endpoint);
        _hopeless[endpoint] = hopeless;
        pool.Failed(endpoint, now);
    }

    /// <summary>The server answers but cannot serve this call now.</summary>
    /// <param name="after">When it wants to be asked again, if it said so.</param>
    public void Refused(int endpoint, TimeSpan now, TimeSpan? after)
    {
        Tried(endpoint);
        pool.Answered(endpoint);
        var pause = pool.Pause(_refusals[endpoint]++);
        _restsUntil[endpoint] = now + (after is { } hint && hint > pause ? hint : pause);
    }

    public void Answered(int endpoint)
    {
        _next = endpoint;
        pool.Answered(endpoint);
    }

    public void Progressed()
    {
        Array.Clear(_tried);
        Array.Clear(_hopeless);
        Array.Clear(_refusals);
        Array.Clear(_restsUntil);
    }

    private void Tried(int endpoint)
    {
        _tried[endpoint] = true;
        _next = (endpoint + 1) % pool.Count;
    }
}
