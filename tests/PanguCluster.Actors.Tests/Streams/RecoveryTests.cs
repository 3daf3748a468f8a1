using Akka.Actor;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>Whole nodes that go while they work: whoever comes back, and whoever stayed, sees what an undisturbed call would have shown.</summary>
public sealed class RecoveryTests(ITestOutputHelper output)
{
    private static bool At(StreamEvent e, int index) => e is StreamEvent.Token t && t.Sampled.Index == index;

    [Theory]
    [InlineData("choices")]
    [InlineData("echo")]
    public async Task Session_should_go_on_elsewhere_when_the_node_of_its_stream_is_killed(string kind)
    {
        await using var cluster = await RecordedCluster.Start(3);
        var request = RecordedCluster.Request(kind, maxTokens: 200);
        var expected = await RecordedCluster.Undisturbed(request);
        var begun = await Transcripts.Read(cluster.Start(2, request), e => At(e, 60));
        int[] next = [.. Enumerable.Range(0, request.Choices).Select(c => begun.Count(e => e is StreamEvent.Token t && t.Choice == c))];
        var gone = cluster.Nodes[2];
        var killed = cluster.Kill(gone);
        // As a client does: again and again until a node answers, two of them at once.
        var first = Insist(cluster, 0, request, next);
        var second = Insist(cluster, 1, request, [.. next.Select(_ => 0)]);
        Transcripts.AssertSame(Transcripts.From(expected, next), await first);
        Transcripts.AssertSame(expected, await second);
        await killed;
        await Verified(cluster, request, expected);
    }

    [Fact]
    public async Task Sessions_should_go_on_after_every_node_was_killed()
    {
        await using var cluster = await RecordedCluster.Start(2);
        string[] kinds = ["plain", "choices", "stops", "plain"];
        var requests = kinds.Select(k => RecordedCluster.Request(k, maxTokens: 150)).ToArray();
        requests[3] = requests[3] with { Detached = true };
        var expected = new List<StreamEvent>[requests.Length];
        for (int i = 0; i < requests.Length; i++)
            expected[i] = await RecordedCluster.Undisturbed(requests[i]);
        var calls = requests.Select((r, i) => Transcripts.Read(cluster.Start(i % 2, r), e => At(e, 40))).ToArray();
        await Task.WhenAll(calls);
        await Task.WhenAll(cluster.Nodes.ToArray().Select(cluster.Kill));

        await cluster.StartNodes(2);
        for (int i = 0; i < requests.Length; i++)
        {
            int[] next = [.. Enumerable.Repeat(41, requests[i].Choices)];
            if (requests[i].Choices == 2)
                next = [.. next.Select((_, c) => calls[i].Result.Count(e => e is StreamEvent.Token t && t.Choice == c))];
            Transcripts.AssertSame(Transcripts.From(expected[i], next), await Insist(cluster, i % 2, requests[i], next));
            Transcripts.AssertSame(expected[i], await Insist(cluster, (i + 1) % 2, requests[i], [0]));
            await Verified(cluster, requests[i], expected[i]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sequence_should_be_cancelled_after_the_detach_time_unless_the_request_is_detached(bool detached)
    {
        await using var cluster = await RecordedCluster.Start(1, (_, s) => s with
        {
            Streams = s.Streams with { DetachTtl = TimeSpan.FromMilliseconds(100) },
        });
        cluster.Kernels.Pace = TimeSpan.FromMilliseconds(detached ? 2 : 30);
        var request = RecordedCluster.Request("choices", maxTokens: 150) with { Detached = detached };
        var expected = await RecordedCluster.Undisturbed(request);
        using (var call = cluster.Start(0, request))
            await Transcripts.Read(call, e => At(e, 10));
        await Idle(cluster);
        var events = await Transcripts.Read(cluster.Resume(0, request, 0));
        if (detached)
            Transcripts.AssertSame(expected, events);
        else
            Assert.All(events.OfType<StreamEvent.Finished>(), f => Assert.Equal((FinishReason.Cancelled, true), (f.Reason, f.GeneratedTokens < 150)));
    }

    /// <summary>A deadline that passes while the request waits, while it is queued, runs, or looks for a decoder.</summary>
    [Theory]
    [InlineData("waiting")]
    [InlineData("queued")]
    [InlineData("running")]
    [InlineData("recovering")]
    public async Task Deadline_should_end_the_call_and_free_its_blocks_wherever_it_is(string where)
    {
        await using var cluster = await RecordedCluster.Start(1, (_, s) => s with
        {
            Decoder = s.Decoder with { MaxSequences = 1 }, Roles = where == "waiting" ? [NodeRoles.Gateway, NodeRoles.Expert] : s.Roles,
        }, ready: where != "waiting");
        if (where == "waiting")
            await Eventually.Holds(() => cluster.Nodes[0].Snapshot.Groups.Any(g => g.State == PanguCluster.Actors.Placement.GroupInfo.Ready), "the node is up");
        var blocker = where == "queued" ? cluster.Start(0, RecordedCluster.Request("plain", maxTokens: 400)) : null;
        if (blocker is not null)
            await Transcripts.Read(blocker, e => At(e, 1));
        var request = RecordedCluster.Request("plain", maxTokens: 400) with { Deadline = TimeProvider.System.GetUtcNow() + TimeSpan.FromMilliseconds(600) };
        using var call = cluster.Start(0, request);
        if (where == "recovering")
        {
            await Transcripts.Read(call, e => At(e, 5));
            cluster.Nodes[0].System.Stop(await cluster.Nodes[0].System.ActorSelection("/user/pangu-decoder").ResolveOne(TimeSpan.FromSeconds(5)));
        }
        var last = (await Transcripts.Read(call))[^1];
        Assert.True(last is StreamEvent.Failed { Kind: FailureKind.DeadlineExceeded }, $"{last}");
        blocker?.Cancel();
        await Eventually.Holds(() => cluster.Nodes[0].Node.Streams.Active == 0, "the streams have gone");
        if (where is "queued" or "running")
            await Idle(cluster);
    }

    [Fact]
    public async Task Cancelling_should_free_the_blocks_within_a_step()
    {
        await using var cluster = await RecordedCluster.Start(1);
        cluster.Kernels.Pace = TimeSpan.FromMilliseconds(50);
        var call = cluster.Start(0, RecordedCluster.Request("choices", maxTokens: 400));
        await Transcripts.Read(call, e => At(e, 3));
        long before = cluster.Nodes[0].Node.Load.Value.Steps;
        call.Cancel();
        await Idle(cluster);
        long steps = cluster.Nodes[0].Node.Load.Value.Steps - before;
        output.WriteLine($"{steps} steps from the call to the last free block");
        Assert.InRange(steps, 0, 1);
    }

    private static Task Idle(RecordedCluster cluster) => Eventually.Holds(
        () => cluster.Nodes.All(n => n.Node.Streams.Active == 0 && n.Node.Load.Value is { Running: 0, Waiting: 0 } l && l.FreeBlocks == l.TotalBlocks),
        "every stream has gone and every block is free");

    private static async Task<List<StreamEvent>> Insist(RecordedCluster cluster, int node, GenerationRequest request, int[] next)
    {
        for (int attempt = 0; attempt < 30; attempt++)
        {
            var events = await Transcripts.Read(cluster.Resume(node, request, next));
            if (events[^1] is not StreamEvent.Failed { Kind: FailureKind.Unavailable } failed)
                return events;
            Assert.Single(events); // nothing is shown by whoever cannot go on
        }
        throw new InvalidOperationException("unavailable for thirty times its patience");
    }

    private static async Task Verified(RecordedCluster cluster, GenerationRequest request, List<StreamEvent> expected)
    {
        int tokens = expected.Count(e => e is StreamEvent.Token);
        await Eventually.Holds(
            () => cluster.Nodes[0].Node.Sessions.ListAsync(request.SessionId, 1, default).GetAwaiter().GetResult().Sessions
                is [{ State: SessionState.Finished } s] && s.GeneratedTokens == tokens,
            "the record is complete", 30); // the session's shard may have been the killed node's, and membership takes its time
        VerifyReport? last = null;
        await foreach (var report in cluster.Nodes[0].Node.Sessions.VerifyAsync(request.SessionId, default))
            last = report;
        Assert.True(last is { Identical: true }, $"{last}");
        Assert.All(cluster.Nodes, n => Assert.Equal(0, n.Node.Streams.DeterminismViolations));
    }
}
