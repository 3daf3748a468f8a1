using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Control;
using PanguCluster.Client;
using PanguCluster.Node.Tests.Security;
using Xunit;

namespace PanguCluster.Node.Tests.Services;

/// <summary>The operator's calls at the real edge of a node.</summary>
public class OperatorCallsTests
{
    public static TheoryData<DrainRequest, StatusCode, string> BadDrains => new()
    {
        { new DrainRequest(), StatusCode.InvalidArgument, "node: empty; give 1 .. 64 characters" },
        { new DrainRequest { Node = new string('n', 65) }, StatusCode.InvalidArgument, "node: 65 characters" },
        { new DrainRequest { Node = "n" }, StatusCode.InvalidArgument, "node: 'n' is the beginning of several nodes: n1, n2" },
        { new DrainRequest { Node = "x" }, StatusCode.NotFound, "node: there is no node 'x'; there are n1, n2" },
        { new DrainRequest { Node = "n2", TimeoutSeconds = -1 }, StatusCode.InvalidArgument, "timeout_seconds: -1; give 1 .. 86400" },
        { new DrainRequest { Node = "n2", TimeoutSeconds = 86401 }, StatusCode.InvalidArgument, "timeout_seconds: 86401; give 1 .. 86400" },
    };

    [Theory]
    [MemberData(nameof(BadDrains))]
    public async Task Drain_should_be_refused_with_the_field_when_wrong(DrainRequest request, StatusCode code, string says)
    {
        await using var edge = await EdgeFixture.StartAsync();

        var refused = await Assert.ThrowsAnyAsync<RpcException>(() => AllAsync(edge.Client.DrainAsync(request)));

        Assert.Equal(code, refused.StatusCode);
        Assert.StartsWith(says, refused.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(edge.Control.Commands);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1025)]
    public async Task Scale_should_be_refused_when_out_of_range(int nodes)
    {
        await using var edge = await EdgeFixture.StartAsync();

        var refused = await Assert.ThrowsAnyAsync<RpcException>(() => AllAsync(edge.Client.ScaleAsync(nodes)));

        Assert.Equal((StatusCode.InvalidArgument, $"nodes: {nodes}; give 1 .. 1024"), (refused.StatusCode, refused.Status.Detail));
    }

    [Fact]
    public async Task Drain_should_wait_ten_minutes_when_no_time_is_given()
    {
        await using var edge = await EdgeFixture.StartAsync();

        await AllAsync(edge.Client.DrainAsync(new DrainRequest { Node = "n2" }));

        Assert.Equal(new ControlCommand.Drain("n2", TimeSpan.FromMinutes(10)), Assert.Single(edge.Control.Commands));
    }

    [Fact]
    public async Task Progress_should_go_on_at_another_node_when_the_answering_one_stops()
    {
        await using var first = await EdgeFixture.StartAsync();
        await using var second = await EdgeFixture.StartAsync();
        first.Control.Operate(FakeControl.Operation(OperationState.Running, 1));
        using var client = new PanguClient(new PanguClientOptions { StartLimit = TimeSpan.Zero }, first.Grpc.ToString(), second.Grpc.ToString());
        var states = new List<(int Done, Operation.Types.State State)>();

        await foreach (var now in client.DrainAsync(new DrainRequest { Node = "n2" }))
        {
            states.Add((now.Operation.StepsDone, now.Operation.State));
            if (now.Operation.StepsDone != 1)
                continue;
            // The other node hears of the operation, and of its end.
            second.View.Current = second.View.Current with { Operations = [FakeControl.Operation(OperationState.Done, 3)] };
            _ = first.StopAsync();
        }

        Assert.Equal([(0, Operation.Types.State.Running), (1, Operation.Types.State.Running), (3, Operation.Types.State.Done)], states);
        Assert.Single(first.Control.Commands);
        Assert.Empty(second.Control.Commands);
    }

    [Fact]
    public async Task Watched_operation_should_be_found_when_the_table_is_a_moment_late()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var watched = AllAsync(edge.Client.WatchOperationAsync("op-1"));

        await Task.Delay(200);
        edge.View.Current = edge.View.Current with { Operations = [FakeControl.Operation(OperationState.Done, 3)] };

        Assert.Equal("op-1", Assert.Single(await watched).Operation.Id);
    }

    [Fact]
    public async Task Watched_cluster_should_come_again_only_when_it_has_changed()
    {
        await using var edge = await EdgeFixture.StartAsync();
        await using var states = edge.Client.WatchClusterAsync(20).GetAsyncEnumerator();

        Assert.True(await states.MoveNextAsync());
        edge.View.Current = edge.View.Current with { Coordinator = "n2" };
        Assert.True(await states.MoveNextAsync());

        Assert.Equal("n2", states.Current.Coordinator);
        var bad = await Assert.ThrowsAnyAsync<RpcException>(() => AllAsync(edge.Client.WatchClusterAsync(21)));
        Assert.Equal((StatusCode.InvalidArgument, "per_second: 21; give 1 .. 20, or 0 for 4"), (bad.StatusCode, bad.Status.Detail));
    }

    [Fact]
    public async Task Events_should_be_told_once_and_go_on_when_followed()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Events.Recent = [FakeEvents.Event(1), FakeEvents.Event(2)];
        await using var events = edge.Client.WatchEventsAsync(DateTimeOffset.FromUnixTimeMilliseconds(2)).GetAsyncEnumerator();

        Assert.True(await events.MoveNextAsync());
        Assert.Equal(2, events.Current.Sequence);
        edge.Events.Happens(FakeEvents.Event(2));
        edge.Events.Happens(FakeEvents.Event(3));
        Assert.True(await events.MoveNextAsync());
        Assert.Equal(3, events.Current.Sequence);
        Assert.Equal([1L, 2L], (await edge.Client.GetEventsAsync()).Select(e => e.Sequence));
    }

    [Fact]
    public async Task Latency_should_be_that_of_the_last_callers_when_there_were_some()
    {
        await using var edge = await EdgeFixture.StartAsync();
        await foreach (var _ in edge.Client.GenerateAsync(new GenerateRequest { Text = "hi" }))
        {
        }

        var report = Assert.Single(await edge.Client.GetLatenciesAsync(TimeSpan.FromSeconds(10)));

        Assert.Equal(("n1", 60, 1L, 2L), (report.NodeId, report.WindowSeconds, report.FirstToken.Count, report.NextToken.Count));
        Assert.True(report.FirstToken.P50Ms > 0 && report.FirstToken.P50Ms <= report.FirstToken.MaxMs);
    }

    /// <summary>Every call of the service there is, those to come included.</summary>
    [Fact]
    public async Task Every_call_should_be_denied_to_a_client_s_key()
    {
        var keys = new TestKeys();
        await using var edge = await SecureEdge.StartAsync(keys.Open());
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress(edge.Grpc);
        var raw = Marshallers.Create(bytes => bytes, bytes => bytes);
        var headers = new Metadata { { "authorization", "Bearer " + keys.Client } };

        foreach (var method in Operator.Descriptor.Methods)
        {
            var call = new Method<byte[], byte[]>(
                method.IsServerStreaming ? MethodType.ServerStreaming : MethodType.Unary, Operator.Descriptor.FullName, method.Name, raw, raw);
            var denied = await Assert.ThrowsAnyAsync<RpcException>(async () =>
            {
                if (method.IsServerStreaming)
                    await channel.CreateCallInvoker().AsyncServerStreamingCall(call, null, new CallOptions(headers), []).ResponseStream.MoveNext(CancellationToken.None);
                else
                    await channel.CreateCallInvoker().AsyncUnaryCall(call, null, new CallOptions(headers), []);
            });
            Assert.Equal((method.Name, StatusCode.PermissionDenied), (method.Name, denied.StatusCode));
        }
    }

    private static async Task<List<T>> AllAsync<T>(IAsyncEnumerable<T> stream)
    {
        var all = new List<T>();
        await foreach (var item in stream)
            all.Add(item);
        return all;
    }
}
