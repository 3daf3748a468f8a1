using PanguCluster.Chaos.Processes;
using System.Globalization;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

public class NodeLossTests
{
    private const int StoryTokens = 1500;
    private const int LongestStory = 1900;

    /// <summary>An answer that runs for a while: greedy stories of this model repeat themselves.</summary>
    private static GenerateRequest Story(string start) => new()
    {
        Text = start, MaxTokens = StoryTokens, Sampling = new Sampling { Temperature = 0 }, Logprobs = 1,
    };

    [Fact]
    public async Task Streams_should_finish_with_the_same_bytes_when_an_expert_node_is_killed()
    {
        var stories = (string[])["Once upon a time there was a little girl", "The king said to the queen", "In the dark wood there lived"];
        var expected = new List<List<GenerateEvent>>();
        await using (var alone = await ServeNode.StartReadyAsync("--model", Repository.Nano))
            foreach (string story in stories)
                expected.Add(await CollectAsync(alone.Client, Story(story)));
        Assert.All(expected, e => Assert.True(e.Count == StoryTokens + 2, $"a story of {e.Count} events is too short to be interrupted"));

        string[] common = ["--model", Repository.Nano, "--min-expert-nodes", "3"];
        await using var first = ServeNode.Start(common);
        await using var second = ServeNode.Start([.. common, "--seed-node", first.Cluster]);
        await using var victim = ServeNode.Start([.. common, "--seed-node", first.Cluster, "--roles", "expert", "--node-id", "victim"]);
        await first.UntilAsync(c => c.Ready && c.Nodes.Count(n => n.Status == "Up") == 3 && c.Groups.All(g => g.Replicas.Count(r => r.State == "Ready") == 2)
            && c.Groups.Any(g => IsWith(g, "victim")));
        await second.UntilAsync(c => c.Ready);

        var started = new TaskCompletionSource();
        var streams = stories.Select((story, i) => CollectAsync(i == 1 ? second.Client : first.Client, Story(story), at: 20, started)).ToList();
        await started.Task.WaitAsync(RunningProgram.Limit);
        victim.Program.Signal("KILL");
        Assert.DoesNotContain(streams, s => s.IsCompleted);
        var answers = await Task.WhenAll(streams).WaitAsync(RunningProgram.Limit);

        for (int i = 0; i < stories.Length; i++)
            Assert.Equal(expected[i], answers[i]);
        var after = await first.UntilAsync(c => c.Ready && !c.Groups.Any(g => IsWith(g, "victim")) && c.Nodes.All(n => n.Id != "victim" || n.Status != "Up"));
        Assert.Equal(8, after.Groups.Count(g => g.State == "Ready"));
        Assert.Equal(expected[0], await CollectAsync(second.Client, Story(stories[0])));
    }

    /// <summary>Neither is a majority; the first is the one that a split-brain resolver would keep.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Streams_should_finish_with_the_same_bytes_when_one_of_two_nodes_is_killed(int killed)
    {
        string[] common = ["--model", Repository.Nano, "--min-expert-nodes", "2"];
        await using var first = ServeNode.Start(common);
        await using var second = ServeNode.Start([.. common, "--seed-node", first.Cluster]);
        ServeNode[] nodes = [first, second];
        foreach (var node in nodes)
            await node.UntilAsync(c => c.Ready && c.Nodes.Count(n => n.Status == "Up") == 2 && c.Groups.All(g => g.Replicas.Count(r => r.State == "Ready") == 2));
        var survivor = nodes[1 - killed];
        var story = Story("Once upon a time there was a little girl");
        var expected = await CollectAsync(survivor.Client, story);

        var started = new TaskCompletionSource();
        var stream = CollectAsync(survivor.Client, story, at: 20, started);
        await started.Task.WaitAsync(RunningProgram.Limit);
        nodes[killed].Program.Signal("KILL");
        Assert.Equal(expected, await stream.WaitAsync(RunningProgram.Limit));

        await survivor.UntilAsync(c => c.Ready && c.Nodes.Count == 1);
        Assert.Equal(expected, await CollectAsync(survivor.Client, story));
    }

    [Fact]
    public async Task Blocks_should_come_back_when_a_client_is_gone_in_mid_stream()
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--detach-ttl", "0");
        int total = Load(await node.Client.GetClusterAsync()).TotalBlocks;

        var stories = Story("Once upon a time there was a little girl");
        stories.N = 16;
        await foreach (var happened in node.Client.GenerateAsync(stories))
            if (happened.Token?.Index == 70)
            {
                // The view is told twice a second: only one that has seen the stream can show its end.
                await node.UntilAsync(c => Load(c) is { Running: 16 } load && load.FreeBlocks < total);
                break;
            }

        var free = await node.UntilAsync(c => Load(c) is { Running: 0, Waiting: 0 } load && load.FreeBlocks == total);
        Assert.True(Load(free).TokensGenerated < 16 * (StoryTokens - 50), "the sequence ran to its end");
    }

    [Fact]
    public async Task Blocks_should_come_back_when_a_client_process_is_killed()
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--detach-ttl", "0");
        int total = Load(await node.Client.GetClusterAsync()).TotalBlocks;
        await using var client = RunningProgram.Pangu(
            "generate", "Once upon a time there was a little girl", "--temperature", "0", "--max-tokens", LongestStory.ToString(CultureInfo.InvariantCulture),
            "-o", "json", "--server", node.Grpc);
        await node.UntilAsync(c => Load(c) is { Running: 1 } load && load.FreeBlocks < total);

        client.Signal("KILL");

        var free = await node.UntilAsync(c => Load(c) is { Running: 0, Waiting: 0 } load && load.FreeBlocks == total);
        Assert.True(Load(free).TokensGenerated < LongestStory - 50, "the sequence ran to its end");
    }

    private static bool IsWith(Group group, string node) => group.NodeId == node || group.Replicas.Any(r => r.NodeId == node);

    private static DecoderLoad Load(ClusterState cluster) => cluster.Nodes.Single(n => n.Load is not null).Load;

    private static async Task<List<GenerateEvent>> CollectAsync(PanguClient client, GenerateRequest request, int at = -1, TaskCompletionSource? reached = null)
    {
        var events = new List<GenerateEvent>();
        await foreach (var happened in client.GenerateAsync(request).ConfigureAwait(false))
        {
            // Session and seed are picked by the server; a greedy answer does not depend on them.
            if (happened.Accepted is { } accepted)
                (accepted.SessionId, accepted.Seed) = ("", 0);
            events.Add(happened);
            if (happened.Token?.Index == at)
                reached?.TrySetResult();
        }
        return events;
    }
}
