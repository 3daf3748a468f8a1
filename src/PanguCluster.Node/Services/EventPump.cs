using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Pangu.V1;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Services;

/// <summary>Writes a stream's events to a gRPC call, and tells a caller who cancels from one whose connection broke.</summary>
internal static class EventPump
{
    /// <summary>A broken connection ends its calls before it says itself that it is closed.</summary>
    private static readonly TimeSpan ConnectionWord = TimeSpan.FromMilliseconds(100);

    /// <param name="graceOver">The node does not wait for its streams any longer.</param>
    /// <exception cref="RpcException">The stream failed, or ended before its last event.</exception>
    public static async Task RunAsync(
        IStreamCall call, IServerStreamWriter<GenerateEvent> to, ServerCallContext context, CancellationToken graceOver, TimeProvider time)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, graceOver);
        try
        {
            await foreach (var happened in call.Events.ReadAllAsync(ends.Token).ConfigureAwait(false))
            {
                if (happened is StreamEvent.Failed failed)
                    throw FailureStatus.ToRpc(failed);
                await to.WriteAsync(EventWriting.ToWire(happened)!, ends.Token).ConfigureAwait(false);
            }
        }
        catch (Exception gone) when (gone is not RpcException && ends.IsCancellationRequested)
        {
            if (!context.CancellationToken.IsCancellationRequested)
                throw new RpcException(new Status(StatusCode.Unavailable, "the node is stopping; resume the session at another one"));
            if (context.Deadline <= time.GetUtcNow().UtcDateTime)
                throw new RpcException(new Status(StatusCode.DeadlineExceeded, "the caller's deadline passed"));
            if (await ConnectionBrokeAsync(context, time).ConfigureAwait(false))
                call.Leave();
            else
                call.Cancel();
            throw new RpcException(new Status(StatusCode.Cancelled, "the caller left"));
        }
    }

    private static async Task<bool> ConnectionBrokeAsync(ServerCallContext context, TimeProvider time)
    {
        if (context.GetHttpContext().Features.Get<IConnectionLifetimeFeature>() is not { } connection)
            return false;
        await Task.Delay(ConnectionWord, time, connection.ConnectionClosed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return connection.ConnectionClosed.IsCancellationRequested;
    }
}
