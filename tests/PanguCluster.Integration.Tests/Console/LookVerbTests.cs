using PanguCluster.Chaos.Processes;
using System.Text.Json;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests.Console;

/// <summary>The verbs that look, against real processes, asked at a node that is not the coordinator's.</summary>
[Collection(nameof(ConsoleCluster))]
public sealed class LookVerbTests(ConsoleCluster cluster)
{
    [Fact]
    public async Task Views_should_show_the_whole_cluster_at_any_node()
    {
        string nodes = (await cluster.RunAsync(0, "nodes")).Output;
        string groups = (await cluster.RunAsync(0, "groups")).Output;
        string status = (await cluster.RunAsync(0, "status")).Output;
        string operations = (await cluster.RunAsync(0, "operations")).Output;

        Assert.Matches(@"^NODE +STATUS +ROLES +GROUPS +GRPC +KERNELS +RUNNING +WAITING +FREE BLOCKS +TOKENS +PREFIX HITS", nodes);
        foreach (string id in ConsoleCluster.Ids)
            Assert.Matches($@"(?m)^{id} +Up +decoder,expert,gateway +[56] +127\.0\.0\.1:\d+ +\w+ +0 +0 +(\d+)/\1 ", nodes);
        Assert.Contains(cluster.Asked.Grpc, nodes, StringComparison.Ordinal);
        Assert.Matches(@"^GROUP +STATE +NODE +INCARNATION +ROWS +SIZE +REPLICAS", groups);
        for (int g = 0; g < 8; g++)
            Assert.Matches($@"(?m)^{g} +Ready +(east|west)-\d +\d+ +\d+ +1\.5 MiB +(east|west)-\d (east|west)-\d *$", groups);
        Assert.Matches(@"(?m)^model +pangu-nano +[0-9a-f]{12} +numerics 1", status);
        Assert.Matches(@"(?m)^groups +8 of 8 ready", status);
        Assert.Matches(@"(?m)^replicas +2 wanted of each group", status);
        Assert.Matches(@"(?m)^coordinator +east-1", status);
        Assert.Matches(@"(?m)^answered by +east-2", status);
        Assert.Matches(@"^OPERATION +KIND +SUBJECT +STATE +STEPS +AGE +TOOK +DETAIL", operations);
    }

    [Theory]
    [InlineData("status")]
    [InlineData("nodes")]
    [InlineData("groups")]
    [InlineData("operations")]
    public async Task View_should_print_the_cluster_as_one_line_of_json_when_asked(string verb)
    {
        var root = await cluster.JsonAsync(verb);

        Assert.Equal(("east-2", "east-1", true, 2), (root.GetProperty("answered_by").GetString(), root.GetProperty("coordinator").GetString(),
            root.GetProperty("ready").GetBoolean(), root.GetProperty("wanted_replicas").GetInt32()));
        var nodes = root.GetProperty("nodes").EnumerateArray().ToDictionary(n => n.GetProperty("id").GetString()!);
        Assert.Equal(ConsoleCluster.Ids, nodes.Keys.Order(StringComparer.Ordinal));
        Assert.All(nodes.Values, n => Assert.Equal(("Up", "serves", 0), (
            n.GetProperty("status").GetString(), n.GetProperty("duty").GetString(), n.GetProperty("load").GetProperty("running").GetInt32())));
        Assert.Equal(cluster.Asked.Grpc, nodes["east-2"].GetProperty("grpc_address").GetString());
        var groups = root.GetProperty("groups").EnumerateArray().ToList();
        Assert.Equal(Enumerable.Range(0, 8), groups.Select(g => g.GetProperty("group").GetInt32()));
        Assert.All(groups, g => Assert.Equal(2, g.GetProperty("replicas").GetArrayLength()));
        Assert.Equal(JsonValueKind.Array, root.GetProperty("operations").ValueKind);
    }

    [Fact]
    public async Task Events_should_be_listed_followed_and_ended_with_0_when_interrupted()
    {
        string[] listed = (await cluster.RunAsync(0, "events")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches(@"^TIME \(UTC\) +EVENT +SUBJECT +TOOK +SEEN BY +DETAIL$", listed[0]);
        Assert.Contains(listed, line => System.Text.RegularExpressions.Regex.IsMatch(line, @"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +NodeUp +west-1 +\S.* cluster +127\.0\.0\.1:\d+ is a member$"));
        var json = (await cluster.RunAsync(0, "events", "-o", "json")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Contains(json, e => e.GetProperty("kind").GetString() == "coordinator_started" && e.GetProperty("subject").GetString() == "east-1");
        Assert.Contains(json, e => e.GetProperty("kind").GetString() == "move_done" && e.GetProperty("duration_ms").GetDouble() > 0);
        Assert.Contains("--since", (await cluster.RunAsync(2, "events", "--since", "soon")).Error, StringComparison.Ordinal);

        await using var follower = RunningProgram.Pangu("events", "--follow", "--since", "1s", "--server", cluster.Asked.Grpc);
        await follower.UntilOutputAsync(text => text.StartsWith("TIME", StringComparison.Ordinal));
        string id = (await cluster.JsonAsync("scale", "4", "--yes", "--no-wait")).GetProperty("operation").GetProperty("id").GetString()!;
        await cluster.RunAsync(0, "abort", id, "--yes");
        string followed = await follower.UntilOutputAsync(text => text.Contains("OperationEnded", StringComparison.Ordinal));
        follower.Signal("INT");
        Assert.Equal(0, (await follower.EndAsync()).Code);
        Assert.Matches($@"OperationStarted +{id} +- +east-1 +scale to 4", followed);
        Assert.Matches($@"OperationEnded +{id} +\S+ m?s +east-1 +scale to 4: Aborted, aborted by an operator", followed);
        Assert.DoesNotContain("CoordinatorStarted", followed, StringComparison.Ordinal); // that was before --since
        await cluster.AtRestAsync();
    }

    [Fact]
    public async Task Top_should_show_every_node_and_its_rates_once_and_in_a_terminal_of_80_by_24()
    {
        using var enough = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 3).Select(i => DecodeAsync(i, enough.Token)));
        try
        {
            await cluster.Asked.UntilAsync(c => c.Nodes.Sum(n => n.Load?.Running ?? 0) > 0);
            string table = (await cluster.RunAsync(0, "top", "--once", "--interval", "2s")).Output;
            Assert.Matches(@"^pangu top  pangu-nano  ready  groups 8/8  [1-9]\d* tokens/s  coordinator east-1\n", table);
            Assert.Matches(@"(?m)^NODE +STATUS +TOK/S +RUN +WAIT +KV% +GRP +ROWS/S +TTFT50/99 +TPOT50/99$", table);
            var root = await cluster.JsonAsync("top", "--once", "--interval", "2s");
            Assert.True(root.GetProperty("tokens_per_second").GetDouble() > 0);
            Assert.Equal(ConsoleCluster.Ids, root.GetProperty("nodes").EnumerateArray().Select(n => n.GetProperty("id").GetString()!));
            Assert.True(root.GetProperty("nodes").EnumerateArray().Sum(n => n.GetProperty("rows_per_second").GetDouble()) > 0);
            Assert.Equal(("east-1", 8), (root.GetProperty("coordinator").GetString(), root.GetProperty("groups_ready").GetInt32()));

            await using var terminal = await Terminal.OpenAsync(80, 24, $"'{Repository.Pangu}' top --server {cluster.Asked.Grpc}; echo code=$?");
            string[] screen = await terminal.UntilAsync(lines => lines[0].Contains("groups 8/8", StringComparison.Ordinal)
                && System.Text.RegularExpressions.Regex.IsMatch(lines[0], @" [1-9]\d* tokens/s") && lines.Contains("q quits"));
            Assert.Equal(24, screen.Length);
            Assert.All(screen, line => Assert.True(line.Length <= 80, line));
            Assert.All(ConsoleCluster.Ids, (id, i) => Assert.Matches($@"^{id} +Up +\d+ +\d+ +\d+ +\d+ +\d+ +\d+ ", screen[3 + i]));
            await terminal.TypeAsync("q");
            await terminal.UntilAsync(lines => lines.Contains("code=0"));
        }
        finally
        {
            await enough.CancelAsync();
            await load;
        }
        await cluster.Asked.UntilAsync(c => c.Nodes.All(n => n.Load is null or { Running: 0, Waiting: 0 }));
    }

    /// <summary>One caller after the other.</summary>
    private async Task DecodeAsync(int seed, CancellationToken enough)
    {
        try
        {
            while (!enough.IsCancellationRequested)
                await foreach (var _ in cluster.Asked.Client.GenerateAsync(
                    new GenerateRequest { Text = "Once upon a time", MaxTokens = 1500, Sampling = new Sampling { Seed = (ulong)seed } }, enough))
                {
                }
        }
        catch (Exception ended) when (enough.IsCancellationRequested && ended is OperationCanceledException or Grpc.Core.RpcException)
        {
            // That was enough.
        }
    }
}
