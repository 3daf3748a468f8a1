using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>Two whole nodes that record in one file: whoever comes back sees what an unbroken call would have shown from there on.</summary>
public sealed class ResumeTests(ResumeTests.Cluster shared) : IClassFixture<ResumeTests.Cluster>
{
    public sealed class Cluster : IAsyncLifetime
    {
        public RecordedCluster Nodes { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Nodes = await RecordedCluster.Start(2);

        public ValueTask DisposeAsync() => Nodes.DisposeAsync();
    }

    private readonly RecordedCluster _cluster = shared.Nodes;

    private static int[] Next(GenerationRequest request, int index) => [.. Enumerable.Repeat(index, request.Choices)];

    private static bool At(StreamEvent e, int index) => e is StreamEvent.Token t && t.Sampled.Index == index;

    [Theory]
    [InlineData("plain")]
    [InlineData("choices")]
    [InlineData("echo")]
    [InlineData("stops")]
    public async Task Resume_should_show_the_same_events_while_it_runs_and_after_its_end_at_both_nodes(string kind)
    {
        var request = RecordedCluster.Request(kind);
        var expected = await RecordedCluster.Undisturbed(request);
        using var first = _cluster.Start(0, request);
        var begun = await Transcripts.Read(first, e => At(e, 10));
        int[][] places = [Next(request, 0), Next(request, 11), Next(request, 30)];
        var here = places.Select(p => Transcripts.Read(_cluster.Resume(0, request, p))).ToArray();
        var there = places.Select(p => Transcripts.Read(_cluster.Resume(1, request, p))).ToArray();

        Transcripts.AssertSame(expected, begun.Concat(await Transcripts.Read(first)));
        for (int i = 0; i < places.Length; i++)
        {
            Transcripts.AssertSame(Transcripts.From(expected, places[i]), await here[i]);
            Transcripts.AssertSame(Transcripts.From(expected, places[i]), await there[i]);
        }
        await Idle();

        // From here on nobody has it but the record.
        long computed = Computed();
        int end = expected.OfType<StreamEvent.Finished>().Max(f => f.GeneratedTokens);
        for (int index = 0; index <= end; index += index < 4 || index > end - 4 ? 1 : 9)
        {
            int[] next = [.. expected.OfType<StreamEvent.Finished>().OrderBy(f => f.Choice).Select(f => Math.Min(index, f.GeneratedTokens))];
            Transcripts.AssertSame(Transcripts.From(expected, next), await Transcripts.Read(_cluster.Resume(index % 2, request, next)));
        }
        if (!request.Echo) // the prompt's log probabilities are not recorded
            Assert.Equal(computed, Computed());
        Assert.All(_cluster.Nodes, n => Assert.Equal(0, n.Node.Streams.DeterminismViolations));

        long Computed() => _cluster.Nodes.Sum(n => n.Node.Load.Value.TokensGenerated);
    }

    [Fact]
    public async Task Resume_should_be_refused_beyond_the_end_and_to_strangers()
    {
        var request = RecordedCluster.Request("stops");
        var expected = await RecordedCluster.Undisturbed(request);
        int count = Assert.IsType<StreamEvent.Finished>(expected[^1]).GeneratedTokens;
        Assert.InRange(count, 58, 70); // the stop string did it
        using var running = _cluster.Start(0, request);
        await Transcripts.Read(running, e => At(e, 5));
        foreach (int node in new[] { 0, 1 })
        {
            // Ahead of what there is: it waits, and is told when the answer ends before.
            var ahead = Transcripts.Read(_cluster.Resume(node, request, count + 1));
            await Failed(FailureKind.OutOfRange, _cluster.Resume(node, request, request.MaxTokens + 1));
            await Failed(FailureKind.Invalid, _cluster.Resume(node, request, -1));
            await Failed(FailureKind.Invalid, _cluster.Resume(node, request, 1, 2));
            await Failed(FailureKind.NotFound, _cluster.Resume(node, request with { Owner = "somebody" }));
            await Failed(FailureKind.NotFound, _cluster.Resume(node, request with { SessionId = "unknown" }));
            await Failed(FailureKind.Conflict, _cluster.Start(node, request with { MaxTokens = 7 }));
            Assert.Equal(FailureKind.OutOfRange, Assert.IsType<StreamEvent.Failed>((await ahead)[^1]).Kind);
        }
        await Transcripts.Read(running);
        await Eventually.Holds(() => _cluster.Nodes.All(n => n.Node.Streams.Active == 0), "every stream has gone");
        foreach (int node in new[] { 0, 1 })
        {
            await Failed(FailureKind.OutOfRange, _cluster.Resume(node, request, count + 1));
            await Failed(FailureKind.NotFound, _cluster.Resume(node, request with { Owner = "somebody" }));
            await Failed(FailureKind.Conflict, _cluster.Start(node, request with { MaxTokens = 7 }));
        }
    }

    private static async Task Failed(FailureKind kind, IStreamCall call) =>
        Assert.Equal(kind, Assert.IsType<StreamEvent.Failed>((await Transcripts.Read(call))[^1]).Kind);

    [Fact]
    public async Task Same_request_under_the_same_id_should_join_from_the_start_at_both_nodes()
    {
        var request = RecordedCluster.Request("choices") with { SeedPicked = true };
        var expected = await RecordedCluster.Undisturbed(request);
        // A server that picks a seed for every call.
        var again = request with { Sampling = request.Sampling with { Seed = 99 } };
        using var first = _cluster.Start(0, request);
        var begun = await Transcripts.Read(first, e => At(e, 10));
        var here = Transcripts.Read(_cluster.Start(0, again));
        var there = Transcripts.Read(_cluster.Start(1, again));
        Transcripts.AssertSame(expected, begun.Concat(await Transcripts.Read(first)));
        Transcripts.AssertSame(expected, await here);
        Transcripts.AssertSame(expected, await there);
        await Eventually.Holds(() => _cluster.Nodes.All(n => n.Node.Streams.Active == 0), "every stream has gone");
        for (int i = 0; i < 4; i++)
            Transcripts.AssertSame(expected, await Transcripts.Read(_cluster.Start(i % 2, again)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Cancelling_should_end_every_stream_of_the_session_and_be_remembered(int node)
    {
        var request = RecordedCluster.Request("plain", maxTokens: 400);
        using var call = _cluster.Start(0, request);
        var begun = await Transcripts.Read(call, e => At(e, 10));
        Assert.False(await _cluster.Nodes[node].Node.Gateway.CancelAsync(request.SessionId, "somebody", default));
        Assert.True(await _cluster.Nodes[node].Node.Gateway.CancelAsync(request.SessionId, "me", default));
        begun.AddRange(await Transcripts.Read(call));
        Assert.Equal(FinishReason.Cancelled, Assert.IsType<StreamEvent.Finished>(begun[^1]).Reason);
        await Idle();
        Transcripts.AssertSame(begun, await Transcripts.Read(_cluster.Resume(0, request, 0)));
        Transcripts.AssertSame(begun, await Transcripts.Read(_cluster.Resume(1, request, 0)));
        Transcripts.AssertSame(begun, await Transcripts.Read(_cluster.Start(1, request)));
    }

    private Task Idle() => Eventually.Holds(
        () => _cluster.Nodes.All(n => n.Node.Streams.Active == 0 && n.Node.Load.Value is { Running: 0, Waiting: 0 } l && l.FreeBlocks == l.TotalBlocks),
        "every stream has gone and every block is free");
}
