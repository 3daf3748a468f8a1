using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client.Connections;

namespace PanguCluster.Client.Streaming;

/// <summary>
/// One answer over as many calls as it takes. Events are pulled one by one, so that a slow reader holds the server up by flow control
/// and nothing piles up here. For one reader.
/// </summary>
/// <param name="request">What to ask while nothing is accepted, with a session id and a seed; null: the session exists already.</param>
internal sealed class AnswerStream(
    ServerSet servers, GenerateRequest? request, StreamProgress progress, DateTimeOffset? deadline, Action<Recovery> recovered,
    CancellationToken cancellation) : IAsyncDisposable
{
    /// <summary>How long a finished stream waits for the server's last word: without it the server would see a cancelled call.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromMilliseconds(250);

    /// <summary>Silent calls kept while another server is asked: ending one would cancel the session.</summary>
    private const int MostSilent = 3;

    private readonly Attempts _attempts = new(servers, servers.Options.StartLimit, deadline);
    private readonly List<AsyncServerStreamingCall<GenerateEvent>> _silent = [];
    private AsyncServerStreamingCall<GenerateEvent>? _call;
    private int _endpoint = -1;
    private Break? _break;
    private TimeSpan _lastEvent;
    private bool _lost;
    private bool _began;

    /// <summary>The next event, or null after the last.</summary>
    /// <exception cref="PanguException">The answer cannot go on.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled; the server is told.</exception>
    public async ValueTask<GenerateEvent?> NextAsync()
    {
        Begin();
        while (!progress.IsComplete)
        {
            try
            {
                if (_call is null)
                    await CallAsync().ConfigureAwait(false);
                if (!await MoveNextAsync(_call!).ConfigureAwait(false))
                {
                    if (progress.Ended())
                        return null;
                    Lose(CallFailure.EndedEarly());
                }
                else if (Take(_call!.ResponseStream.Current) is { } happened)
                    return happened;
            }
            catch (PanguException final)
            {
                final.SessionId ??= progress.SessionId;
                throw;
            }
            catch (RpcException error)
            {
                cancellation.ThrowIfCancellationRequested();
                Lose(CallFailure.Of(error));
            }
            catch (TimeoutException)
            {
                _silent.Add(_call!);
                _call = null;
                Lose(CallFailure.Idle(servers.Options.IdleLimit));
            }
        }
        await PartAsync().ConfigureAwait(false);
        return null;
    }

    public ValueTask DisposeAsync()
    {
        if (_began)
            ClientMetrics.Left();
        _began = false;
        _call?.Dispose();
        foreach (var call in _silent)
            call.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Begin()
    {
        if (_began)
            return;
        _began = true;
        _lastEvent = servers.Now;
        ClientMetrics.Began();
    }

    private async ValueTask CallAsync()
    {
        _endpoint = await _attempts.NextAsync(cancellation).ConfigureAwait(false);
        var generation = servers.Connections[_endpoint].Generation;
        var options = new CallOptions(deadline: deadline?.UtcDateTime, cancellationToken: cancellation);
        _call = request is not null && (!progress.IsAccepted || _lost)
            ? generation.Generate(request, options)
            : generation.Resume(progress.Rest(), options);
    }

    /// <summary>A token that keeps others waiting is looked for elsewhere; the first one may take any time, in a queue or a long prompt.</summary>
    private Task<bool> MoveNextAsync(AsyncServerStreamingCall<GenerateEvent> call)
    {
        var next = call.ResponseStream.MoveNext(CancellationToken.None);
        if (next.IsCompleted || !progress.HasTokens || _silent.Count >= MostSilent)
            return next;
        // Nobody looks at the failure of a call that was given up.
        _ = next.ContinueWith(
            t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return next.WaitAsync(servers.Options.IdleLimit, servers.Options.Time, CancellationToken.None);
    }

    private GenerateEvent? Take(GenerateEvent happened)
    {
        _attempts.Connected(_endpoint);
        try
        {
            bool accepted = progress.IsAccepted;
            if (!progress.Take(happened))
                return null;
            if (!accepted && progress.IsAccepted)
                _attempts.Allow(servers.Options.RetryLimit);
        }
        catch (DeterminismException violation)
        {
            ClientMetrics.Violated();
            servers.Log.Violated(progress.SessionId, servers.Connections[_endpoint].Address, violation.Message);
            throw;
        }
        Recover();
        _attempts.Progressed();
        _lastEvent = servers.Now;
        return happened;
    }

    private void Lose(CallFailure failure)
    {
        if (progress.IsAccepted)
            _break ??= new Break(servers.Connections[_endpoint].Address, servers.Now, failure.Cause);
        _call?.Dispose();
        _call = null;
        // The servers have lost the session. The same request with the same seed gives the same tokens: those that came are checked.
        if (failure.Error.StatusCode == StatusCode.NotFound && request is not null && progress.IsAccepted && !_lost)
            _lost = true;
        else
            _attempts.Failed(_endpoint, failure);
    }

    /// <summary>After a break: something new has come.</summary>
    private void Recover()
    {
        if (_break is not { } cut)
            return;
        var now = servers.Now;
        var recovery = new Recovery(
            progress.SessionId, cut.Server, servers.Connections[_endpoint].Address, now - _lastEvent, now - cut.At, _attempts.Count, cut.Cause, _lost);
        (_break, _lost) = (null, false);
        ClientMetrics.Recovered(recovery);
        servers.Log.Recovered(
            recovery.SessionId, recovery.From, recovery.To, recovery.Cause, recovery.Pause.TotalMilliseconds, recovery.Attempts);
        recovered(recovery);
    }

    private async ValueTask PartAsync()
    {
        try
        {
            if (_call is not null)
                await _call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Farewell, servers.Options.Time).ConfigureAwait(false);
        }
        catch (Exception late) when (late is RpcException or TimeoutException)
        {
            // The answer is whole.
        }
    }

    private readonly record struct Break(string Server, TimeSpan At, string Cause);
}
