using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests;

public sealed class ThreeNodeTests(ITestOutputHelper output)
{
    /// <summary>Node processes die in these tests; leaving the cluster would be too polite.</summary>
    private const string Abrupt = "akka.coordinated-shutdown.run-by-actor-system-terminate = off";

    private static readonly SamplingParameters Warm = new() { Temperature = 0.8f, Seed = 7, Logprobs = 1 };

    private static int[] Prompt(int n, int salt) => [.. Enumerable.Range(0, n).Select(i => (i * 13 + salt) % 199)];

    [Theory]
    [InlineData(PackFormat.Bf16, true)]
    [InlineData(PackFormat.W8A8, false)]
    public async Task Cluster_should_give_the_bytes_of_one_process_when_three_nodes_share_the_groups(PackFormat format, bool unix)
    {
        var model = format == PackFormat.Bf16 ? TestModel.Bf16 : TestModel.W8A8;
        var nodes = await TestNode.StartThree(i =>
        {
            var setup = TestNode.Setup($"n{i}", model);
            return setup with { Links = setup.Links with { UnixFolder = unix ? null : "" } };
        });
        try
        {
            await Eventually.Holds(() => nodes[0].Spread is [5, 5, 6], "two replicas of each group, spread evenly");

            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => nodes[i % 3].Generate(Prompt(20 + 9 * i, i), 30, Warm)));

            for (int i = 0; i < answers.Length; i++)
                Nodes.Tokens.AssertSame(Reference.Tokens(model, Prompt(20 + 9 * i, i), 30, Warm), answers[i]);
            await Eventually.Holds(() => nodes[0].Snapshot.Groups.All(g => g.Rows > 0), "rows counted");
            Assert.All(nodes, n => Assert.Equal(0, n.Snapshot.ImbalanceScore));
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Stream_should_finish_with_the_same_bytes_when_an_expert_node_dies_in_the_middle()
    {
        var model = TestModel.Bf16;
        var (prompt, expected) = Reference.Long(model, 30, 200, Warm);
        var nodes = await TestNode.StartThree(i => TestNode.Setup($"n{i}", model) with
        {
            ExtraHocon = Abrupt,
            Roles = i == 2 ? [NodeRoles.Expert] : NodeRoles.All,
        });
        try
        {
            await Eventually.Holds(() => nodes[0].Snapshot.Nodes.Any(n => n.Id == "n2" && n.Groups.Count > 0), "the node that will die has groups");
            var reader = nodes[0].Node.Gateway.Start(nodes[0].Request(prompt, 200, Warm)).Events;
            var events = new List<StreamEvent>();
            long last = TimeProvider.System.GetTimestamp();
            var gap = TimeSpan.Zero;
            await foreach (var e in reader.ReadAllAsync())
            {
                var waited = TimeProvider.System.GetElapsedTime(last);
                gap = waited > gap ? waited : gap;
                events.Add(e);
                last = TimeProvider.System.GetTimestamp();
                if (events.Count == 20)
                    await nodes[2].Kill();
            }
            output.WriteLine($"longest gap between two tokens: {gap.TotalMilliseconds:f0} ms");

            Assert.IsType<StreamEvent.Finished>(events[^1]);
            Nodes.Tokens.AssertSame(expected, events);
            Assert.Equal(0, nodes[0].Node.Streams.DeterminismViolations);
            await Eventually.Holds(() => nodes[0].AllReady && nodes[0].Snapshot.Nodes.Count == 2, "two nodes own all groups");
            await Eventually.Holds(() => nodes[0].Spread is [8, 8], "both own all groups");
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }
}
