using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests;

public sealed class FailoverTests
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
            var reader = gateway.Node.Gateway.Start(gateway.Request(Prompt, 200, Warm)).Events;
            var events = new List<StreamEvent>();
            await foreach (var e in reader.ReadAllAsync())
            {
                events.Add(e);
                if (events.Count != 20)
                    continue;
                var victim = nodes.Single(n => n.Node.Load.Value.Running > 0);
                if (killed)
                    await victim.Kill();
                else
                    await victim.DisposeAsync();
            }

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

    [Fact]
    public async Task Node_with_another_model_should_be_reported_and_never_used()
    {
        await using var first = await TestNode.Start(TestNode.Setup("first", TestModel.Bf16));
        await first.Ready();
        await using var other = await TestNode.Start(TestNode.Setup("other", TestModel.W8A8) with { SeedNodes = [first.Address], Roles = [NodeRoles.Decoder] });

        await Eventually.Holds(
            () => first.Snapshot.Nodes.Any(n => n.Id == "other" && n.Detail.Contains("another model", StringComparison.Ordinal)), "the stranger reported");

        Assert.All(first.Snapshot.Groups, g => Assert.Equal("first", g.NodeId));
        Assert.Equal(["first"], ((ClusterView)first.Node.View).Decoders.Select(d => d.NodeId));
        Assert.All(other.Snapshot.Groups, g => Assert.Equal(GroupInfo.Missing, g.State));
        Nodes.Tokens.AssertSame(Reference.Tokens(TestModel.Bf16, Prompt, 10, Warm), await first.Generate(Prompt, 10, Warm));
    }

    [Fact]
    public async Task Groups_should_spread_over_a_node_that_joins_and_the_stream_not_notice()
    {
        var expected = Long.Value.Answer;
        await using var first = await TestNode.Start(TestNode.Setup("first", TestModel.Bf16));
        await first.Ready();
        var reader = first.Node.Gateway.Start(first.Request(Prompt, 200, Warm)).Events;
        await using var second = await TestNode.Start(TestNode.Setup("second", TestModel.Bf16) with { SeedNodes = [first.Address] });
        await Eventually.Holds(() => first.AllReady && first.Snapshot.Nodes.Count(n => n.Groups.Count == 4) == 2, "four groups each", 30);

        var events = new List<StreamEvent>();
        await foreach (var e in reader.ReadAllAsync())
            events.Add(e);
        Nodes.Tokens.AssertSame(expected, events);
        Nodes.Tokens.AssertSame(expected, await second.Generate(Prompt, 200, Warm));
    }
}
