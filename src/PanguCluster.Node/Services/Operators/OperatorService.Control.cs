using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Control;

namespace PanguCluster.Node.Services;

/// <summary>The calls that change the cluster. The coordinator decides and acts; this node passes on and follows.</summary>
public sealed partial class OperatorService
{
    public override Task<CordonResponse> Cordon(CordonRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        string node = ControlRules.Node(request.Node, view.Current);
        var reply = await SendAsync(new ControlCommand.Cordon(node), context.CancellationToken).ConfigureAwait(false);
        return new CordonResponse { NodeId = node, Note = reply.Reason };
    });

    public override Task<UncordonResponse> Uncordon(UncordonRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        string node = ControlRules.Node(request.Node, view.Current);
        var reply = await SendAsync(new ControlCommand.Uncordon(node), context.CancellationToken).ConfigureAwait(false);
        return new UncordonResponse { NodeId = node, Note = reply.Reason };
    });

    public override Task<AbortOperationResponse> AbortOperation(AbortOperationRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        string operation = ControlRules.Operation(request.OperationId, view.Current);
        var reply = await control.SendAsync(new ControlCommand.Abort(operation), context.CancellationToken).ConfigureAwait(false);
        if (!reply.Accepted)
            throw view.Current.Operations.Any(o => o.Id == operation) ? new RequestError(StatusCode.FailedPrecondition, reply.Reason) : OperationWatch.Unknown(operation);
        return new AbortOperationResponse { OperationId = operation, Note = reply.Reason };
    });

    public override Task Drain(DrainRequest request, IServerStreamWriter<OperationProgress> responseStream, ServerCallContext context) =>
        BeginAsync(() => ControlRules.Check(request, view.Current), responseStream, context);

    public override Task Scale(ScaleRequest request, IServerStreamWriter<OperationProgress> responseStream, ServerCallContext context) =>
        BeginAsync(() => ControlRules.Check(request), responseStream, context);

    public override Task Rebalance(RebalanceRequest request, IServerStreamWriter<OperationProgress> responseStream, ServerCallContext context) =>
        request.Simulate
            ? AnswerAsync(async () =>
            {
                var plan = ControlWriting.ToWire(control.Simulate(), view.Current);
                await responseStream.WriteAsync(new OperationProgress { Plan = plan }, context.CancellationToken).ConfigureAwait(false);
                return true;
            })
            : BeginAsync(() => new ControlCommand.Rebalance(), responseStream, context);

    public override Task WatchOperation(
        WatchOperationRequest request, IServerStreamWriter<OperationProgress> responseStream, ServerCallContext context) =>
        StreamAsync(context, stop => FollowAsync(ControlRules.Operation(request.OperationId, view.Current), responseStream, stop));

    /// <summary>Has an operation begun, names it, and follows it.</summary>
    private Task BeginAsync(Func<ControlCommand> check, IServerStreamWriter<OperationProgress> progress, ServerCallContext context) =>
        StreamAsync(context, async stop =>
        {
            var command = check();
            var reply = await SendAsync(command, stop).ConfigureAwait(false);
            var first = new OperationProgress { Note = reply.Reason };
            if (reply.OperationId.Length > 0)
                first.Operation = ControlWriting.Begun(reply.OperationId, command, time.GetUtcNow());
            await progress.WriteAsync(first, stop).ConfigureAwait(false);
            if (reply.OperationId.Length > 0)
                await FollowAsync(reply.OperationId, progress, stop).ConfigureAwait(false);
        });

    private async Task FollowAsync(string id, IServerStreamWriter<OperationProgress> progress, CancellationToken stop)
    {
        await foreach (var operation in _watch.FollowAsync(id, stop).ConfigureAwait(false))
            await progress.WriteAsync(new OperationProgress { Operation = operation }, stop).ConfigureAwait(false);
    }

    private async Task<ControlReply> SendAsync(ControlCommand command, CancellationToken cancellation)
    {
        var reply = await control.SendAsync(command, cancellation).ConfigureAwait(false);
        return reply.Accepted ? reply : throw new RequestError(StatusCode.FailedPrecondition, reply.Reason);
    }
}
