using Grpc.Core;
using PanguCluster.Client.Connections;

namespace PanguCluster.Client.Streaming;

/// <summary>One call's attempts: which server is next, after which pause, and when it is time to give up.</summary>
/// <param name="limit">Time to spend without a server; every server is tried once in any case.</param>
/// <param name="deadline">Of the call as a whole, or null.</param>
internal sealed class Attempts(ServerSet servers, TimeSpan limit, DateTimeOffset? deadline)
{
    /// <summary>Failures in a row that may as well be the request's.</summary>
    private const int MostDoubts = 3;

    private readonly CallRoute _route = new(servers.Pool);
    private RetryBudget _budget = new(limit);
    private CallFailure? _last;
    private int _doubts;

    /// <summary>Calls started since the last progress.</summary>
    public int Count { get; private set; }

    /// <summary>Waits for the next attempt's time.</summary>
    /// <returns>The server to try.</returns>
    /// <exception cref="PanguException">The limit or the deadline is over.</exception>
    public async ValueTask<int> NextAsync(CancellationToken cancellation)
    {
        var now = servers.Now;
        _budget.CutOff(now);
        var (endpoint, wait) = _route.Next(now);
        var left = _budget.Left(now);
        if (wait > left || left <= TimeSpan.Zero)
            (endpoint, wait) = (_route.Untried() ?? throw GivenUp(), TimeSpan.Zero);
        if (deadline is { } end && servers.Options.Time.GetUtcNow() + wait >= end)
            throw new PanguException(new Status(StatusCode.DeadlineExceeded, Late()), [], Late());
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, servers.Options.Time, cancellation).ConfigureAwait(false);
        Count++;
        return endpoint;
    }

    /// <summary>Takes note of a failed attempt.</summary>
    /// <exception cref="PanguException">No other attempt can do better.</exception>
    public void Failed(int endpoint, CallFailure failure)
    {
        // What a server says tells more than that another one is out of reach.
        if (_last?.Remedy != Remedy.AskAgain || failure.Remedy != Remedy.Reconnect)
            _last = failure;
        ClientMetrics.Failed(servers.Connections[endpoint].Address, failure);
        if (failure.Remedy == Remedy.None)
            throw new PanguException(failure.Error);
        var now = servers.Now;
        _budget.CutOff(now);
        if (failure.Remedy == Remedy.Reconnect)
            _route.Lost(endpoint, now, failure.Hopeless);
        else
            _route.Refused(endpoint, now, failure.RetryAfter);
        if (_route.IsHopeless || (failure.Remedy == Remedy.Doubtful && ++_doubts > MostDoubts))
            throw GivenUp();
        servers.Log.AttemptFailed(servers.Connections[endpoint].Address, failure.Error.StatusCode, failure.Error.Status.Detail);
    }

    /// <summary>The server answers.</summary>
    public void Connected(int endpoint)
    {
        _budget.Connected(servers.Now);
        _route.Answered(endpoint);
    }

    /// <summary>Something new has come: all is forgiven.</summary>
    public void Progressed()
    {
        _budget.Progressed();
        if (Count == 0)
            return;
        _route.Progressed();
        (Count, _doubts, _last) = (0, 0, null);
    }

    /// <summary>From now on another limit holds.</summary>
    public void Allow(TimeSpan time) => _budget = new RetryBudget(time);

    private PanguException GivenUp()
    {
        string where = string.Join(", ", servers.Connections.Select(c => c.Address));
        return _last is null
            ? new PanguException(new Status(StatusCode.Unavailable, "no attempt was made"), [], "no attempt was made")
            : new PanguException(_last.Error, $" ({where}; attempts: {Count})");
    }

    private string Late() => _last is null ? "the deadline has passed" : $"the deadline passes before another attempt; the last one: {_last.Error.Status.Detail}";
}
