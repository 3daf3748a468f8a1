using PanguCluster.Chaos.Processes;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests.Elastic;

public class DrainTests(ITestOutputHelper output)
{
    private static GenerateRequest Story(int i) => new()
    {
        Text = $"Once upon a time there were {i + 2} little bears", MaxTokens = 1500, Sampling = new Sampling { Temperature = 0 }, Logprobs = 1,
    };

    /// <summary>Its clients, its decoder's sequences and its groups go elsewhere; gaps are reported and not judged.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Node_should_end_with_0_and_harm_no_stream_when_it_is_told_to_stop(bool first)
    {
        string[] common = ["--model", Repository.Nano, "--min-expert-nodes", "2"];
        await using var a = ServeNode.Start([.. common, "--drain-timeout", "60s"]);
        await using var b = ServeNode.Start([.. common, "--drain-timeout", "60s", "--seed-node", a.Cluster]);
        var nodes = (ServeNode[])[a, b];
        foreach (var node in nodes)
            await node.UntilAsync(c => c.Ready && c.Nodes.Count(n => n.Status == "Up") == 2);
        var expected = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => ReadAsync(b, i, null)));

        using var started = new CountdownEvent(4);
        var streams = Enumerable.Range(0, 4).Select(i => ReadAsync(nodes[i % 2], i, started)).ToArray();
        await Wait.UntilAsync(() => started.IsSet, RunningProgram.Limit, () => "no stream has begun");
        var victim = first ? a : b;
        victim.Program.Signal("TERM");
        var answers = await Task.WhenAll(streams).WaitAsync(RunningProgram.Limit);
        var ended = await victim.Program.EndAsync();

        output.WriteLine(ended.Error);
        output.WriteLine(string.Join(", ", answers.Select((r, i) => $"stream {i} at node {i % 2}: longest gap {r.Gap:f0} ms, undisturbed {expected[i].Gap:f0} ms")));
        Assert.True(ended.Code == 0, $"ended with {ended.Code}: {ended.Error}");
        Assert.Contains("leaves: it is empty", ended.Error, StringComparison.Ordinal);
        for (int i = 0; i < 4; i++)
            Assert.Equal(expected[i].Tokens, answers[i].Tokens);
        var left = first ? b : a;
        await left.UntilAsync(c => c.Ready && c.Nodes.Count(n => n.Status == "Up") == 1);
        Assert.Equal(expected[0].Tokens, (await ReadAsync(left, 0, null)).Tokens);
    }

    private static async Task<(List<Token> Tokens, double Gap)> ReadAsync(ServeNode node, int i, CountdownEvent? started)
    {
        var tokens = new List<Token>();
        double longest = 0;
        long last = 0;
        await foreach (var happened in node.Client.GenerateAsync(Story(i)))
        {
            if (happened.Token is not { } token)
                continue;
            tokens.Add(token);
            if (last != 0)
                longest = Math.Max(longest, TimeProvider.System.GetElapsedTime(last).TotalMilliseconds);
            last = TimeProvider.System.GetTimestamp();
            if (tokens.Count == 20)
                started?.Signal();
        }
        return (tokens, longest);
    }
}
