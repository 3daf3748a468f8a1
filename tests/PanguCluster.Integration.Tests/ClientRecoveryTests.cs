using PanguCluster.Chaos.Processes;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>Streams of <see cref="PanguClient"/> over real nodes that are killed.</summary>
public class ClientRecoveryTests
{
    private static readonly GenerateRequest[] Requests =
    [
        new() { Text = "Once upon a time there was a little girl", MaxTokens = 1800, Sampling = new Sampling { Temperature = 0, Seed = 1 }, Logprobs = 2 },
        new() { Text = "The king said to the queen", MaxTokens = 1500, Sampling = new Sampling { Seed = 2 }, N = 2, Echo = true, Logprobs = 0 },
    ];

    [Fact]
    public async Task Stream_should_go_on_with_the_same_bytes_when_the_node_it_comes_from_is_killed()
    {
        var expected = new List<string>();
        await using (var alone = await ServeNode.StartReadyAsync("--model", Repository.Nano))
            foreach (var request in Requests)
                expected.Add(Picture(await CollectAsync(alone.Client.GenerateAsync(request), _ => { })));

        string[] common = ["--model", Repository.Nano, "--min-expert-nodes", "3"];
        await using var first = ServeNode.Start(common);
        await using var second = ServeNode.Start([.. common, "--seed-node", first.Cluster]);
        await using var victim = ServeNode.Start([.. common, "--seed-node", first.Cluster, "--node-id", "victim"]);
        await first.UntilAsync(c => c.Ready && c.Nodes.Count(n => n.Status == "Up") == 3);
        await victim.UntilAsync(c => c.Ready);

        await using var client = PanguClient.Connect(victim.Grpc, first.Grpc, second.Grpc);
        var recoveries = new List<Recovery>();
        client.Recovered += recovery =>
        {
            lock (recoveries)
                recoveries.Add(recovery);
        };
        var streams = new List<Task<List<GenerateEvent>>>();
        var underWay = new CountdownEvent(Requests.Length);
        foreach (var request in Requests)
        {
            // Calls start at every server in turn: this brings the next one back to the victim.
            if (streams.Count > 0)
                for (int i = 0; i < 2; i++)
                    await client.GetModelAsync();
            streams.Add(Task.Run(() => CollectAsync(client.GenerateAsync(request), e =>
            {
                if (e.Token is { Choice: 0, Index: 40 })
                    underWay.Signal();
            })));
            await Wait.UntilAsync(() => underWay.CurrentCount < Requests.Length - streams.Count + 1, RunningProgram.Limit, () => "no tokens");
        }
        victim.Program.Signal("KILL");
        var answers = await Task.WhenAll(streams).WaitAsync(RunningProgram.Limit);

        Assert.Equal(expected, answers.Select(Picture));
        Assert.Contains(recoveries, r => r.From == victim.Grpc && r is { Cause: "connection lost", Restarted: false });
    }

    private static async Task<List<GenerateEvent>> CollectAsync(IAsyncEnumerable<GenerateEvent> events, Action<GenerateEvent> seen)
    {
        var all = new List<GenerateEvent>();
        await foreach (var happened in events.ConfigureAwait(false))
        {
            // The client names the session: another one every time.
            if (happened.Accepted is { } accepted)
                accepted.SessionId = "";
            all.Add(happened);
            seen(happened);
        }
        return all;
    }

    /// <summary>Choice by choice: how they mix is not part of the answer.</summary>
    private static string Picture(List<GenerateEvent> events) =>
        string.Join('\n', events.GroupBy(e => e.Token?.Choice ?? e.Finished?.Choice ?? -1).OrderBy(g => g.Key).SelectMany(g => g));
}
