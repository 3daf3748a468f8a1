using System.Runtime.CompilerServices;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client.Connections;
using PanguCluster.Client.Streaming;

namespace PanguCluster.Client;

/// <summary>The calls of <c>pangu.v1.Operator</c>: they need an operator's credential.</summary>
public sealed partial class PanguClient
{
    /// <summary>The cluster as the answering node sees it.</summary>
    public Task<ClusterState> GetClusterAsync(CancellationToken cancellation = default) =>
        AskAsync((e, c) => e.Operator.GetClusterAsync(new GetClusterRequest(), cancellationToken: c), cancellation);

    /// <summary>The cluster now and whenever it has changed, without end; at another server when one is lost.</summary>
    /// <param name="perSecond">Most snapshots a second, 1 .. 20; 0: 4.</param>
    public IAsyncEnumerable<ClusterState> WatchClusterAsync(int perSecond = 0, CancellationToken cancellation = default)
    {
        var request = new WatchClusterRequest { PerSecond = perSecond };
        return WatchAsync(e => e.Operator.WatchCluster(request, cancellationToken: cancellation), cancellation);
    }

    /// <summary>How long callers of each server have waited of late, asked of all at once.</summary>
    /// <returns>Of the servers that answered in time.</returns>
    public async Task<IReadOnlyList<LatencyReport>> GetLatenciesAsync(TimeSpan limit, CancellationToken cancellation = default)
    {
        var deadline = DateTime.SpecifyKind((_servers.Options.Time.GetUtcNow() + limit).UtcDateTime, DateTimeKind.Utc);
        var reports = await Task.WhenAll(_servers.Connections.Select(AskAsync)).ConfigureAwait(false);
        return [.. reports.OfType<LatencyReport>()];

        async Task<LatencyReport?> AskAsync(ServerConnection server)
        {
            try
            {
                return await server.Operator.GetLatencyAsync(new GetLatencyRequest(), deadline: deadline, cancellationToken: cancellation).ConfigureAwait(false);
            }
            catch (RpcException)
            {
                cancellation.ThrowIfCancellationRequested();
                return null;
            }
        }
    }

    /// <summary>What has happened in the cluster, oldest first.</summary>
    /// <param name="since">Only events since then; null: all that are kept.</param>
    public async Task<IReadOnlyList<ClusterEvent>> GetEventsAsync(DateTimeOffset? since = null, CancellationToken cancellation = default)
    {
        var events = new List<ClusterEvent>();
        await foreach (var happened in EventsAsync(false, since, cancellation).ConfigureAwait(false))
            events.Add(happened);
        return events;
    }

    /// <summary>What has happened and happens, each event once, without end; at another server when one is lost.</summary>
    /// <inheritdoc cref="GetEventsAsync" path="/param"/>
    public IAsyncEnumerable<ClusterEvent> WatchEventsAsync(DateTimeOffset? since = null, CancellationToken cancellation = default) =>
        EventsAsync(true, since, cancellation);

    private async IAsyncEnumerable<ClusterEvent> EventsAsync(bool follow, DateTimeOffset? since, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var request = new WatchEventsRequest { Follow = follow, SinceUnixMs = since?.ToUnixTimeMilliseconds() ?? 0 };
        var seen = new HashSet<(string, long)>();
        await foreach (var happened in WatchAsync(e => e.Operator.WatchEvents(request, cancellationToken: cancellation), cancellation).ConfigureAwait(false))
            if (seen.Add((happened.Recorder, happened.Sequence)))
                yield return happened;
    }

    /// <summary>The node, an id or its unambiguous beginning, takes no new groups and sequences.</summary>
    public Task<CordonResponse> CordonAsync(string node, CancellationToken cancellation = default) =>
        AskAsync((e, c) => e.Operator.CordonAsync(new CordonRequest { Node = node }, cancellationToken: c), cancellation);

    /// <summary>Takes a cordon back.</summary>
    public Task<UncordonResponse> UncordonAsync(string node, CancellationToken cancellation = default) =>
        AskAsync((e, c) => e.Operator.UncordonAsync(new UncordonRequest { Node = node }, cancellationToken: c), cancellation);

    /// <summary>Moves everything away from a node, and follows that to its end, at another server when one is lost.</summary>
    public IAsyncEnumerable<OperationProgress> DrainAsync(DrainRequest request, CancellationToken cancellation = default) =>
        OperateAsync(e => e.Operator.Drain(request, cancellationToken: cancellation), cancellation);

    /// <summary>Moves groups until the nodes have equal numbers of them.</summary>
    public IAsyncEnumerable<OperationProgress> RebalanceAsync(CancellationToken cancellation = default) =>
        OperateAsync(e => e.Operator.Rebalance(new RebalanceRequest(), cancellationToken: cancellation), cancellation);

    /// <summary>What a rebalance would move now. Changes nothing.</summary>
    public async Task<PlacementPlan> SimulateRebalanceAsync(CancellationToken cancellation = default)
    {
        var request = new RebalanceRequest { Simulate = true };
        using var call = await BeginAsync(e => e.Operator.Rebalance(request, cancellationToken: cancellation), cancellation).ConfigureAwait(false);
        return call.ResponseStream.Current.Plan;
    }

    /// <summary>Starts or drains nodes until there are so many.</summary>
    public IAsyncEnumerable<OperationProgress> ScaleAsync(int nodes, CancellationToken cancellation = default) =>
        OperateAsync(e => e.Operator.Scale(new ScaleRequest { Nodes = nodes }, cancellationToken: cancellation), cancellation);

    /// <summary>Follows an operation that somebody began.</summary>
    public IAsyncEnumerable<OperationProgress> WatchOperationAsync(string operationId, CancellationToken cancellation = default) =>
        OperateAsync(e => e.Operator.WatchOperation(new WatchOperationRequest { OperationId = operationId }, cancellationToken: cancellation), cancellation);

    /// <summary>Ends an operation where it is.</summary>
    public Task<AbortOperationResponse> AbortOperationAsync(string operationId, CancellationToken cancellation = default) =>
        AskAsync((e, c) => e.Operator.AbortOperationAsync(new AbortOperationRequest { OperationId = operationId }, cancellationToken: c), cancellation);

    /// <summary>Recorded sessions, newest first; for operators, like the two below.</summary>
    public Task<ListSessionsResponse> ListSessionsAsync(ListSessionsRequest request, CancellationToken cancellation = default) =>
        AskAsync((e, c) => e.Operator.ListSessionsAsync(request, cancellationToken: c), cancellation);

    /// <summary>Has a recorded session computed again and compared; the last message says how it ended.</summary>
    public async IAsyncEnumerable<VerifyProgress> VerifySessionAsync(
        string sessionId, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var request = new VerifySessionRequest { SessionId = sessionId };
        using var call = await BeginAsync(e => e.Operator.VerifySession(request, cancellationToken: cancellation), cancellation).ConfigureAwait(false);
        do
            yield return call.ResponseStream.Current;
        while (await MoveNextAsync(call, cancellation).ConfigureAwait(false));
    }

    /// <summary>Ends anybody's session.</summary>
    public Task<CancelSessionResponse> CancelSessionAsync(string sessionId, CancellationToken cancellation = default) =>
        AskAsync((e, c) => e.Operator.CancelSessionAsync(new CancelSessionRequest { SessionId = sessionId }, cancellationToken: c), cancellation);

    /// <summary>Begins an operation and follows it; once it has a name, any server can tell how it goes on.</summary>
    private async IAsyncEnumerable<OperationProgress> OperateAsync(
        Func<ServerConnection, AsyncServerStreamingCall<OperationProgress>> begin, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? id = null;
        var progress = WatchAsync(
            e => id is null ? begin(e) : e.Operator.WatchOperation(new WatchOperationRequest { OperationId = id }, cancellationToken: cancellation), cancellation);
        await foreach (var now in progress.ConfigureAwait(false))
        {
            id = now.Operation?.Id ?? id;
            yield return now;
        }
    }

    /// <summary>A stream that is started again, at another server first, when it breaks off.</summary>
    private async IAsyncEnumerable<T> WatchAsync<T>(
        Func<ServerConnection, AsyncServerStreamingCall<T>> start, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var attempts = new Attempts(_servers, _servers.Options.StartLimit, null);
        bool any = false;
        while (true)
        {
            int endpoint = await attempts.NextAsync(cancellation).ConfigureAwait(false);
            using var call = start(_servers.Connections[endpoint]);
            while (await TryMoveNextAsync(call, attempts, endpoint, cancellation).ConfigureAwait(false) is { } more)
            {
                attempts.Connected(endpoint);
                if (!more)
                    yield break;
                attempts.Progressed();
                if (!any)
                    attempts.Allow(_servers.Options.RetryLimit);
                any = true;
                yield return call.ResponseStream.Current;
            }
        }
    }

    /// <returns>Null: the attempt failed, and another one may do better.</returns>
    private static async Task<bool?> TryMoveNextAsync<T>(
        AsyncServerStreamingCall<T> call, Attempts attempts, int endpoint, CancellationToken cancellation)
    {
        try
        {
            return await call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false);
        }
        catch (RpcException error)
        {
            cancellation.ThrowIfCancellationRequested();
            attempts.Failed(endpoint, CallFailure.Of(error));
            return null;
        }
    }

    /// <summary>A stream that is not gone on with, at its first message.</summary>
    private async Task<AsyncServerStreamingCall<T>> BeginAsync<T>(
        Func<ServerConnection, AsyncServerStreamingCall<T>> start, CancellationToken cancellation)
    {
        var attempts = new Attempts(_servers, _servers.Options.StartLimit, null);
        while (true)
        {
            int endpoint = await attempts.NextAsync(cancellation).ConfigureAwait(false);
            var call = start(_servers.Connections[endpoint]);
            try
            {
                if (await call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
                {
                    attempts.Connected(endpoint);
                    return call;
                }
                attempts.Failed(endpoint, CallFailure.EndedEarly());
            }
            catch (RpcException error) when (error is not PanguException)
            {
                call.Dispose();
                cancellation.ThrowIfCancellationRequested();
                attempts.Failed(endpoint, CallFailure.Of(error));
            }
        }
    }

    private static async Task<bool> MoveNextAsync<T>(AsyncServerStreamingCall<T> call, CancellationToken cancellation)
    {
        try
        {
            return await call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false);
        }
        catch (RpcException error)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new PanguException(error);
        }
    }
}
