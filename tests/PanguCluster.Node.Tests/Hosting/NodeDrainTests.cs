using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.DependencyInjection;
using Pangu.V1;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using PanguCluster.Node.Hosting;
using PanguCluster.Node.Services;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Hosting;

public class NodeDrainTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    private readonly FakeView _view = new();
    private readonly FakeControl _control = new();
    private readonly GatewayDuty _duty;
    private readonly NodeDrain _drain;

    public NodeDrainTests()
    {
        var self = new NodeIdentity("n1");
        _duty = new GatewayDuty(self, _view);
        _drain = new NodeDrain(self, _view, _control, _duty, TimeProvider.System);
    }

    private static ClusterSnapshot With(Func<NodeInfo, NodeInfo> change) => FakeView.Ready() with { Nodes = [.. FakeView.Ready().Nodes.Select(change)] };

    private static ClusterSnapshot Empty(OperationState drain) =>
        With(n => n with { Groups = n.Id == "n1" ? [] : [0, 1, 2], Load = n.Load is null ? null : n.Load.Value with { Running = 0, Waiting = 0 } }) with
        {
            Operations = [new OperationInfo("o", OperationKind.Drain, "n1", drain, 1, 1, "", 0, 1)],
        };

    [Fact]
    public async Task Node_should_leave_when_groups_sequences_and_calls_are_gone()
    {
        var gateway = new DrainingGateway(new FakeGateway(), _duty);
        var call = gateway.Start(new GenerationRequest("s", [1], 3, new SamplingParameters(), [], [], null));
        var running = _drain.RunAsync(Long, empty: false);
        Assert.Equal("n1", Assert.IsType<ControlCommand.Drain>(await _control.Asked.Task).NodeId);
        _view.Current = Empty(OperationState.Done);
        await Task.Delay(120, TestContext.Current.CancellationToken);
        Assert.False(running.IsCompleted);
        _view.Current = Empty(OperationState.Running);
        call.Dispose();
        call.Dispose();
        await Task.Delay(120, TestContext.Current.CancellationToken);
        Assert.False(running.IsCompleted, "the coordinator has not seen it empty for long enough");
        _view.Current = Empty(OperationState.Done);
        Assert.Equal("it is empty", await running);
    }

    [Fact]
    public async Task Node_should_not_wait_when_it_is_the_last_or_the_others_leave_too()
    {
        _view.Current = With(n => n with { Duty = n.Id == "n2" ? NodeDuty.Drains : n.Duty });
        Assert.Contains("no other node", await _drain.RunAsync(Long, empty: false), StringComparison.Ordinal);
        Assert.False(_control.Asked.Task.IsCompleted);
    }

    [Fact]
    public async Task Node_should_not_wait_when_the_coordinator_refuses()
    {
        _control.Reply = new ControlReply(false, "it would lose the last copy of group 5", "");
        Assert.Equal("it would lose the last copy of group 5", await _drain.RunAsync(Long, empty: false));
    }

    [Fact]
    public async Task Node_should_not_wait_when_the_drain_was_aborted()
    {
        _view.Current = _view.Current with { Operations = [new OperationInfo("o", OperationKind.Drain, "n1", OperationState.Aborted, 0, 1, "by an operator", 0, 1)] };
        Assert.Contains("by an operator", await _drain.RunAsync(Long, empty: false), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Node_should_say_what_is_left_when_the_limit_passes()
    {
        string end = await _drain.RunAsync(TimeSpan.FromMilliseconds(120), empty: false);
        Assert.Contains("2 groups, 3 sequences and 0 calls", end, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Node_should_go_on_asking_when_no_coordinator_answers()
    {
        _control.Unavailable = 1;
        var running = _drain.RunAsync(Long, empty: false);
        await _control.Asked.Task;
        _view.Current = Empty(OperationState.Done);
        Assert.Equal("it is empty", await running);
    }

    [Fact]
    public async Task Node_that_was_emptied_should_ask_nobody_and_wait_for_its_calls()
    {
        _view.Current = Empty(OperationState.Done);
        Assert.Equal("it is empty", await _drain.RunAsync(Long, empty: true));
        Assert.False(_control.Asked.Task.IsCompleted);
    }

    [Fact]
    public void Node_that_is_drained_and_stays_should_take_calls_when_there_is_no_other_gateway()
    {
        _view.Current = With(n => n with { Duty = n.Id == "n1" ? NodeDuty.Drains : n.Duty });
        Assert.Null(_duty.Refusal); // n2 has no gateway
        _view.Current = With(n => n with { Duty = n.Id == "n1" ? NodeDuty.Drains : n.Duty, GrpcAddress = "127.0.0.1:2" });
        Assert.NotNull(_duty.Refusal);
    }

    [Fact]
    public async Task Edge_should_refuse_new_calls_and_serve_the_open_ones_when_the_node_drains()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var first = new TaskCompletionSource();
        edge.Gateway.Play = async (request, writer, stop) =>
        {
            await writer.WriteAsync(FakeGateway.Accepted(request), stop);
            await first.Task.WaitAsync(stop);
            await writer.WriteAsync(FakeGateway.Token(0), stop);
            await writer.WriteAsync(new StreamEvent.Finished(0, FinishReason.Length, "", 1, 1), stop);
        };
        var client = new Generation.GenerationClient(edge.Channel);
        var cancellation = TestContext.Current.CancellationToken;
        using var open = client.Generate(new GenerateRequest { Text = "a", MaxTokens = 1 }, cancellationToken: cancellation);
        Assert.True(await open.ResponseStream.MoveNext(cancellation));
        edge.Duty.Stop();

        using var late = client.Generate(new GenerateRequest { Text = "a", MaxTokens = 1 }, cancellationToken: cancellation);
        var refused = await Assert.ThrowsAsync<RpcException>(() => late.ResponseStream.MoveNext(cancellation));
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        Assert.Contains("draining", refused.Status.Detail, StringComparison.Ordinal);
        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync(new Uri(edge.Http, "/readyz"), cancellation)).StatusCode);
        var health = await new Health.HealthClient(edge.Channel).CheckAsync(new HealthCheckRequest(), cancellationToken: cancellation);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, health.Status);

        first.SetResult();
        int events = 0;
        while (await open.ResponseStream.MoveNext(cancellation))
            events++;
        Assert.Equal(2, events);
    }

    private sealed class FakeControl : IClusterControl
    {
        public TaskCompletionSource<ControlCommand> Asked { get; } = new();

        public ControlReply Reply { get; set; } = new(true, "", "o");

        public int Unavailable { get; set; }

        public Task<ControlReply> SendAsync(ControlCommand command, CancellationToken cancellation)
        {
            if (Unavailable-- > 0)
                throw new ControlUnavailableException("moving");
            Asked.TrySetResult(command);
            return Task.FromResult(Reply);
        }

        public PanguCluster.Actors.Placement.Planning.PlacementPlan Simulate() => throw new NotSupportedException();
    }
}
