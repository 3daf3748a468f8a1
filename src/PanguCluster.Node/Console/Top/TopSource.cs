using System.CommandLine;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Node.Console;

/// <summary>Asks the cluster for what <c>pangu top</c> shows: the state of one node, the latencies of all gateways, the log of events.</summary>
public sealed class TopSource(ServerOptions server, ParseResult parsed) : IDisposable
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan EventsKept = TimeSpan.FromHours(1);

    private readonly TimeProvider _time = TimeProvider.System;
    private PanguClient _client = server.Open(parsed);
    private string _gateways = "";
    private ClusterState? _last;
    private long _lastAt;

    /// <summary>What has changed since the last call; the first one takes a snapshot and returns null.</summary>
    /// <exception cref="CommandFailedException">The cluster does not answer.</exception>
    public async Task<TopFigures?> NextAsync(CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(AnswerLimit);
        try
        {
            var now = await _client.GetClusterAsync(limit.Token).ConfigureAwait(false);
            long at = _time.GetTimestamp();
            Widen(now);
            var (before, since) = (_last, _time.GetElapsedTime(_lastAt, at));
            (_last, _lastAt) = (now, at);
            if (before is null)
                return null;
            var clock = _time.GetUtcNow();
            var latencies = _client.GetLatenciesAsync(AnswerLimit / 2, limit.Token);
            var events = await _client.GetEventsAsync(clock - EventsKept, limit.Token).ConfigureAwait(false);
            return TopFigures.Of(before, now, since, clock, await latencies.ConfigureAwait(false), events);
        }
        catch (RpcException failed) when (!limit.IsCancellationRequested)
        {
            throw ServerOptions.Explain(failed, _client.Servers, stopping: false);
        }
        catch (Exception late) when (late is RpcException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            throw new CommandFailedException(ExitCodes.TimedOut, "no answer within 2 s");
        }
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Nodes come and go while somebody watches.</summary>
    private void Widen(ClusterState now)
    {
        string gateways = string.Join(' ', now.Nodes.Where(n => n.Status == "Up").Select(n => n.GrpcAddress).Order(StringComparer.Ordinal));
        if (gateways == _gateways)
            return;
        _gateways = gateways;
        _client.Dispose();
        _client = server.OpenAll(parsed, now);
    }
}
