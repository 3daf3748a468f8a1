using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests;

public sealed class FailoverTests(ITestOutputHelper output)
{
    private const string Abrupt = "akka.coordinated-shutdown.run-by-actor-system-terminate = off";

    private static readonly SamplingParameters Warm = new() { Temperature = 0.8f, Seed = 21, Logprobs = 1 };
    private static readonly Lazy<(int[] Prompt, IReadOnlyList<SampledToken> Answer)> Long = new(() => Reference.Long(TestModel.Bf16, 30, 200, Warm));

    private static int[] Prompt => Long.Value.Prompt;

    /// <summary>Node 0 runs the stream and nothing else; nodes 1 and 2 decode and own the groups.</summary>
    private static Task<TestNode[]> Start() => TestNode.StartThree(i => TestNode.Setup($"n{i}", TestModel.Bf16) with
    {
        ExtraHocon = Abrupt,
        Roles = i == 0 ? [NodeRoles.Gateway] : [NodeRoles.Decoder, NodeRoles.Expert],
    }, expertNodes: 2);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stream_should_go_on_with_the_same_bytes_when_its_decoder_goes(bool killed)
    {
        var expected = Long.Value.Answer;
        var nodes = await Start();
        try
        {
            var gateway = nodes[0];
            var events = await Disturb(nodes, gateway.Request(Prompt, 200, Warm), v => killed ? v.Kill() : v.DisposeAsync().AsTask());

            Assert.IsType<StreamEvent.Finished>(events[^1]);
            Nodes.Tokens.AssertSame(expected, events);
            Assert.Equal(0, gateway.Node.Streams.DeterminismViolations);
            // A node that leaves may see its last stream out.
            Assert.InRange(gateway.Node.Streams.Resubmissions, killed ? 1 : 0, 4);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    /// <summary>Two choices, so that both have to move; the time is reported and not judged.</summary>
    [Fact]
    public async Task Choices_should_go_on_at_once_with_the_same_bytes_when_their_decoder_is_killed()
    {
        // The groups are not at stake here: node 0 has them.
        var nodes = await TestNode.StartThree(i => TestNode.Setup($"n{i}", TestModel.Bf16) with
        {
            ExtraHocon = Abrupt,
            Roles = i == 0 ? [NodeRoles.Gateway, NodeRoles.Expert] : [NodeRoles.Decoder],
        }, expertNodes: 1);
        try
        {
            var gateway = nodes[0];
            List<StreamEvent> expected;
            GenerationRequest request;
            for (int salt = 0; ; salt++)
            {
                request = gateway.Request([.. Prompt, salt], 200, Warm) with { Choices = 2 };
                expected = await All(gateway.Node.Gateway.Start(request));
                if (expected.OfType<StreamEvent.Token>().Count() == 400)
                    break;
            }
            Assert.Equal(0, gateway.Node.Streams.Resubmissions);
            var longest = new TimeSpan[2];
            long[] last = new long[2];
            Task? killing = null;
            var events = await Disturb(nodes, request, v => Task.FromResult(killing = v.Kill()), e =>
            {
                if (e is not StreamEvent.Token { Choice: var c })
                    return;
                var gap = last[c] == 0 ? default : TimeProvider.System.GetElapsedTime(last[c]);
                longest[c] = gap > longest[c] ? gap : longest[c];
                last[c] = TimeProvider.System.GetTimestamp();
            });
            await killing!;
            output.WriteLine($"longest silence of a choice over the kill: {longest[0].TotalMilliseconds:f0} and {longest[1].TotalMilliseconds:f0} ms");

            for (int c = 0; c < 2; c++)
                Nodes.Tokens.AssertSame(Nodes.Tokens.Of(Of(expected, c)), Of(events, c));
            Assert.Equal(0, gateway.Node.Streams.DeterminismViolations);
            Assert.InRange(gateway.Node.Streams.Resubmissions, 2, 8);
            Assert.InRange(gateway.Node.Streams.Suspicions, 1, 8);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    /// <summary>The request's events, with something happening to its decoder in the middle.</summary>
    private static async Task<List<StreamEvent>> Disturb(
        TestNode[] nodes, GenerationRequest request, Func<TestNode, Task> disturb, Action<StreamEvent>? seen = null)
    {
        // The decoder may be through before a session on a shard that nobody has used yet is open: then the same again.
        for (int attempt = 0; attempt < 10; attempt++)
        {
            using var call = nodes[0].Node.Gateway.Start(request with { SessionId = $"{request.SessionId}-{attempt}" });
            var events = new List<StreamEvent>();
            bool disturbed = false;
            await foreach (var e in call.Events.ReadAllAsync())
            {
                events.Add(e);
                seen?.Invoke(e);
                if (events.Count != 20)
                    continue;
                if (nodes.FirstOrDefault(n => n.Node.Load.Value.Running > 0) is not { } victim)
                    break;
                disturbed = true;
                await disturb(victim);
            }
            if (disturbed)
                return events;
        }
        throw new InvalidOperationException("ten answers were computed before their first tokens were read");
    }

    private static async Task<List<StreamEvent>> All(IStreamCall call)
    {
        var events = new List<StreamEvent>();
        await foreach (var e in call.Events.ReadAllAsync())
            events.Add(e);
        return events;
    }

    private static IEnumerable<StreamEvent> Of(IEnumerable<StreamEvent> events, int choice) =>
        events.Where(e => e is StreamEvent.Token t && t.Choice == choice);

    [Fact]
    public async Task Node_with_another_model_should_be_reported_and_never_used()
    {
        await using var first = await TestNode.Start(TestNode.Setup("first", TestModel.Bf16));
        await first.Ready();
        await using var other = await TestNode.Start(TestNode.Setup("other", TestModel.W8A8) with { SeedNodes = [first.Address] });

        await Eventually.Holds(
            () => first.Snapshot.Nodes.Any(n => n.Id == "other" && n.Detail.Contains("another model", StringComparison.Ordinal)), "the stranger reported");

        Assert.All(first.Snapshot.Groups, g => Assert.Equal("first", g.NodeId));
        Assert.Equal(["first"], ((ClusterView)first.Node.View).Decoders.Select(d => d.NodeId));
        await other.Ready();
        Assert.All(other.Snapshot.Groups, g => Assert.Equal("other", g.NodeId));
        Nodes.Tokens.AssertSame(Reference.Tokens(TestModel.W8A8, Prompt, 10, Warm), await other.Generate(Prompt, 10, Warm));
        Nodes.Tokens.AssertSame(Reference.Tokens(TestModel.Bf16, Prompt, 10, Warm), await first.Generate(Prompt, 10, Warm));
    }

    [Fact]
    public async Task Groups_should_spread_over_a_node_that_joins_and_the_stream_not_notice()
    {
        var expected = Long.Value.Answer;
        await using var first = await TestNode.Start(TestNode.Setup("first", TestModel.Bf16) with { Replicas = 1 });
        await first.Ready();
        var reader = first.Node.Gateway.Start(first.Request(Prompt, 200, Warm)).Events;
        await using var second = await TestNode.Start(TestNode.Setup("second", TestModel.Bf16) with { SeedNodes = [first.Address], Replicas = 1 });
        await Eventually.Holds(() => first.AllReady && first.Spread is [4, 4], "four groups each", 30);

        var events = new List<StreamEvent>();
        await foreach (var e in reader.ReadAllAsync())
            events.Add(e);
        Nodes.Tokens.AssertSame(expected, events);
        Nodes.Tokens.AssertSame(expected, await second.Generate(Prompt, 200, Warm));
    }
}
