using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

public sealed class StreamTests
{
    private static readonly SamplingParameters Warm = new() { Temperature = 0.9f, Seed = 3 };

    private static bool IsIdle(TestNode node)
    {
        var load = node.Node.Load.Value;
        return load is { Running: 0, Waiting: 0 } && load.FreeBlocks == load.TotalBlocks && node.Node.Streams.Active == 0;
    }

    [Fact]
    public async Task Blocks_should_come_back_when_the_client_goes_in_mid_stream()
    {
        await using var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16));
        await node.Ready();
        using var call = node.Node.Gateway.Start(node.Request(Reference.Long(TestModel.Bf16, 3, 400, Warm).Prompt, 400, Warm));
        var events = new List<StreamEvent>();
        await foreach (var e in call.Events.ReadAllAsync())
        {
            events.Add(e);
            if (events.Count == 5)
                call.Cancel();
        }

        var finished = Assert.IsType<StreamEvent.Finished>(events[^1]);
        Assert.Equal(FinishReason.Cancelled, finished.Reason);
        Assert.True(Nodes.Tokens.Of(events).Count < 400);
        await Eventually.Holds(() => IsIdle(node), "all blocks free");
    }

    [Fact]
    public async Task Stream_should_run_to_its_end_when_the_client_does_not_read()
    {
        await using var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16));
        await node.Ready();
        var (prompt, expected) = Reference.Long(TestModel.Bf16, 3, 200, Warm);
        var slow = node.Node.Gateway.Start(node.Request(prompt, 200, Warm)).Events;

        // Nobody reads: the decoder must neither wait for it nor keep its blocks.
        var other = await node.Generate([9, 8, 7], 20, Warm);
        await Eventually.Holds(() => IsIdle(node), "the unread stream has finished");

        Assert.IsType<StreamEvent.Finished>(other[^1]);
        var late = new List<StreamEvent>();
        await foreach (var e in slow.ReadAllAsync())
            late.Add(e);
        Nodes.Tokens.AssertSame(expected, late);
    }

    [Fact]
    public async Task Requests_should_be_refused_as_overloaded_when_the_queue_is_full_and_all_others_served()
    {
        var kernels = new FaultyKernels();
        var setup = TestNode.Setup("solo", TestModel.Bf16);
        await using var node = await TestNode.Start(setup with { Kernels = kernels, Decoder = setup.Decoder with { MaxSequences = 2, MaxWaiting = 2 } });
        await node.Ready();
        kernels.Gate.Reset();
        var answers = Enumerable.Range(0, 12).Select(i => node.Generate([i + 1, 4], 4, Warm)).ToArray();
        await Eventually.Holds(() => answers.Count(a => a.IsCompleted) >= 8, "the surplus refused");
        kernels.Gate.Set();

        var ends = (await Task.WhenAll(answers)).Select(a => a[^1]).ToArray();
        Assert.All(ends.OfType<StreamEvent.Failed>(), f => Assert.Equal(FailureKind.Overloaded, f.Kind));
        Assert.InRange(ends.OfType<StreamEvent.Finished>().Count(), 2, 4);
        await Eventually.Holds(() => IsIdle(node), "all blocks free");
    }

    [Fact]
    public async Task Stream_should_end_with_deadline_exceeded_when_its_deadline_passes()
    {
        var kernels = new FaultyKernels();
        await using var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16) with { Kernels = kernels });
        await node.Ready();
        kernels.Gate.Reset();
        var request = node.Request([1, 2, 3], 10, Warm) with { Deadline = TimeProvider.System.GetUtcNow() + TimeSpan.FromMilliseconds(200) };
        StreamEvent? last = null;
        await foreach (var e in node.Node.Gateway.Start(request).Events.ReadAllAsync())
            last = e;
        kernels.Gate.Set();

        Assert.Equal(FailureKind.DeadlineExceeded, Assert.IsType<StreamEvent.Failed>(last).Kind);
        await Eventually.Holds(() => IsIdle(node), "all blocks free");
    }

    [Fact]
    public async Task Stream_should_be_refused_as_invalid_when_it_can_never_fit()
    {
        await using var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16));
        await node.Ready();
        var tooLong = Assert.IsType<StreamEvent.Failed>((await node.Generate([.. Enumerable.Repeat(1, 500)], 500, Warm))[^1]);
        var outside = Assert.IsType<StreamEvent.Failed>((await node.Generate([1, 199], 5, Warm))[^1]);
        Assert.Equal((FailureKind.Invalid, FailureKind.Invalid), (tooLong.Kind, outside.Kind));
    }

    [Fact]
    public async Task Gateway_should_answer_unavailable_when_the_node_has_not_started()
    {
        var node = new PanguNode(TestNode.Setup("solo", TestModel.Bf16));
        var reader = node.Gateway.Start(new GenerationRequest("s", [1], 3, Warm, [], [], null)).Events;
        Assert.Equal(FailureKind.Unavailable, Assert.IsType<StreamEvent.Failed>(await reader.ReadAsync()).Kind);
        Assert.False(await reader.WaitToReadAsync());
    }

    [Fact]
    public async Task Layer_should_fail_as_unavailable_when_a_group_has_no_owner_within_the_deadline()
    {
        var setup = TestNode.Setup("solo", TestModel.Bf16);
        await using var node = await TestNode.Start(setup with
        {
            Roles = [NodeRoles.Decoder, NodeRoles.Gateway],
            Router = setup.Router with { LayerDeadline = TimeSpan.FromMilliseconds(300) },
            Streams = setup.Streams with { FindDecoder = TimeSpan.FromMilliseconds(200) },
        });
        await Eventually.Holds(() => node.Snapshot.Nodes.Any(n => n.Load is not null), "decoder up");
        var failed = Assert.IsType<StreamEvent.Failed>((await node.Generate([1, 2], 5, Warm))[^1]);
        Assert.Equal(FailureKind.Unavailable, failed.Kind);
        Assert.Contains("groups 0, 1", failed.Message, StringComparison.Ordinal);
        await Eventually.Holds(() => IsIdle(node), "all blocks free");
    }
}
