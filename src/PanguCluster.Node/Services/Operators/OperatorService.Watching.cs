using Grpc.Core;
using Pangu.V1;

namespace PanguCluster.Node.Services;

/// <summary>The calls that look at the cluster.</summary>
public sealed partial class OperatorService
{
    public override Task<ClusterState> GetCluster(GetClusterRequest request, ServerCallContext context) => Task.FromResult(Now());

    public override Task<LatencyReport> GetLatency(GetLatencyRequest request, ServerCallContext context) => Task.FromResult(new LatencyReport
    {
        NodeId = self.Id,
        WindowSeconds = (int)Metrics.LatencyWindow.Length.TotalSeconds,
        FirstToken = ControlWriting.ToWire(metrics.FirstTokens.Summary),
        NextToken = ControlWriting.ToWire(metrics.NextTokens.Summary),
    });

    public override Task WatchCluster(WatchClusterRequest request, IServerStreamWriter<ClusterState> responseStream, ServerCallContext context) =>
        StreamAsync(context, async stop =>
        {
            if (request.PerSecond is < 0 or > RequestLimits.SnapshotsPerSecond)
                throw RequestError.Invalid(
                    $"per_second: {request.PerSecond}; give 1 .. {RequestLimits.SnapshotsPerSecond}, or 0 for {RequestLimits.DefaultSnapshotsPerSecond}");
            var pause = TimeSpan.FromSeconds(1.0 / (request.PerSecond == 0 ? RequestLimits.DefaultSnapshotsPerSecond : request.PerSecond));
            ClusterState? last = null;
            while (true)
            {
                var now = Now();
                if (!now.Equals(last))
                    await responseStream.WriteAsync(last = now, stop).ConfigureAwait(false);
                await Task.Delay(pause, time, stop).ConfigureAwait(false);
            }
        });

    public override Task WatchEvents(WatchEventsRequest request, IServerStreamWriter<ClusterEvent> responseStream, ServerCallContext context) =>
        StreamAsync(context, async stop =>
        {
            if (request.SinceUnixMs < 0)
                throw RequestError.Invalid($"since_unix_ms: {request.SinceUnixMs}; give 0 or more");
            if (!request.Follow)
            {
                foreach (var happened in events.Recent.Where(e => e.AtUnixMs >= request.SinceUnixMs))
                    await responseStream.WriteAsync(ControlWriting.ToWire(happened), stop).ConfigureAwait(false);
                return;
            }
            await foreach (var happened in events.FollowAsync(stop).ConfigureAwait(false))
                if (happened.AtUnixMs >= request.SinceUnixMs)
                    await responseStream.WriteAsync(ControlWriting.ToWire(happened), stop).ConfigureAwait(false);
        });

    private ClusterState Now()
    {
        var cluster = ClusterWriting.ToWire(view.Current, self.Id);
        cluster.JournalProblem = journal.Trouble ?? "";
        return cluster;
    }

    /// <summary>Runs a stream that ends with the node, since it has no end of its own, or goes on elsewhere.</summary>
    private Task StreamAsync(ServerCallContext context, Func<CancellationToken, Task> stream) => AnswerAsync(async () =>
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, grace.Begun);
        try
        {
            await stream(ends.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested && grace.Begun.IsCancellationRequested)
        {
            throw new RequestError(StatusCode.Unavailable, $"{self.Id} is stopping; go on at another node");
        }
        return true;
    });
}
