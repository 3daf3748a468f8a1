using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests;

public sealed class SingleNodeTests
{
    private static readonly SamplingParameters Warm = new() { Temperature = 0.9f, Seed = 42, Logprobs = 2 };

    [Fact]
    public async Task Node_should_give_the_tokens_of_the_local_driver()
    {
        var model = TestModel.Bf16;
        int[] prompt = [.. Enumerable.Range(0, 90).Select(i => (i * 7 + 3) % 199)];
        var expected = Reference.Tokens(model, prompt, 40, Warm);
        await using var node = await TestNode.Start(TestNode.Setup("solo", model));
        await node.Ready();

        var events = await node.Generate(prompt, 40, Warm);

        Assert.IsType<StreamEvent.Accepted>(events[0]);
        var finished = Assert.IsType<StreamEvent.Finished>(events[^1]);
        Tokens.AssertSame(expected, events);
        Assert.Equal(expected.Count, finished.GeneratedTokens);
        Assert.Equal(0, node.Snapshot.ImbalanceScore);
    }
}
