using PanguCluster.Chaos.Processes;
using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>
/// A node with an empty disk joins a node that serves. PANGU_JOIN_MODEL names another packed model than the small one; what came and how long it took is in the output.
/// </summary>
public class EmptyJoinTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = Model == Repository.Nano ? RunningProgram.Limit : TimeSpan.FromSeconds(200);

    private static string Model => Environment.GetEnvironmentVariable("PANGU_JOIN_MODEL") is { Length: > 0 } model ? model : Repository.Nano;

    /// <summary>Token ids, which every model has.</summary>
    private static GenerateRequest Request(int i, int tokens) => new()
    {
        TokenIds = new TokenIds { Ids = { 1, 17 + i, 44, 90, 3 } }, MaxTokens = tokens, Sampling = new Sampling { Temperature = 0.8f, Seed = 7 }, Logprobs = 1,
    };

    [Fact]
    public async Task Node_should_serve_the_same_bytes_when_it_joins_with_nothing_but_an_address()
    {
        string disk = Directory.CreateTempSubdirectory("pangu-join-").FullName;
        try
        {
            await using var a = await ServeNode.StartReadyAsync("--model", Model, "--node-id", "whole", "--replicas", "1", "--context-length", "512");
            var expected = await CollectAsync(a, Request(0, 40));

            using var over = new CancellationTokenSource();
            var load = LoadAsync(a, over.Token);
            long start = Stopwatch.GetTimestamp();
            await using var b = ServeNode.Start("--data", disk, "--node-id", "empty", "--seed-node", a.Cluster, "--replicas", "1", "--context-length", "512");
            var firstRow = FirstRowAsync(a, start);
            await b.Program.UntilOutputAsync(text => text.Contains("ready", StringComparison.Ordinal), Limit);
            var ready = Stopwatch.GetElapsedTime(start);
            var served = await firstRow;
            await UntilOwnsHalfAsync(b);
            var whole = Stopwatch.GetElapsedTime(start);
            await over.CancelAsync();
            Assert.True(await load > 0);

            string folder = Assert.Single(Directory.GetDirectories(Path.Combine(disk, "fetched")));
            long bytes = Directory.GetFiles(folder).Sum(f => new FileInfo(f).Length);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
                {Path.GetFileName(Model)}: {bytes} bytes fetched; from the start of the process: ready after {ready.TotalSeconds:0.00} s,
                first row served after {served.TotalSeconds:0.00} s, its half of the groups ready after {whole.TotalSeconds:0.00} s
                """));
            output.WriteLine(b.Program.Error);
            var events = (await b.Client.GetEventsAsync()).Where(e => e.Kind == ClusterEvent.Types.Kind.FileFetched).ToList();
            Assert.True(events.Count >= 4, $"{events.Count} group files fetched");
            Assert.All(events, e => Assert.Matches("^[0-9]+ bytes from whole$", e.Detail));

            Assert.Equal(expected, await CollectAsync(a, Request(0, 40)));
            Assert.Equal(expected, await CollectAsync(b, Request(0, 40)));
            await CheckAloneAsync(a, b, expected);
        }
        finally
        {
            Directory.Delete(disk, recursive: true);
        }
    }

    /// <summary>The node that brought the model may go.</summary>
    private static async Task CheckAloneAsync(ServeNode a, ServeNode b, List<Token> expected)
    {
        a.Program.Signal("TERM");
        Assert.Equal(0, (await a.Program.EndAsync()).Code);
        await b.UntilAsync(c => c.Ready && c.Nodes.Count(n => n.Status == "Up") == 1);
        Assert.Equal(expected, await CollectAsync(b, Request(0, 40)));
    }

    [Fact]
    public async Task Node_should_be_told_to_go_when_another_has_its_id()
    {
        await using var a = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--node-id", "same");
        await using var b = ServeNode.Start("--model", Repository.Nano, "--node-id", "same", "--seed-node", a.Cluster);
        var ended = await b.Program.EndAsync();
        Assert.True(ended.Code == 1, $"ended with {ended.Code}: {ended.Error}");
        Assert.Contains("goes by the id same too", ended.Error, StringComparison.Ordinal);
        Assert.Contains(a.Cluster, ended.Error, StringComparison.Ordinal);
        await a.UntilAsync(c => c.Ready && c.Nodes.Count == 1);
        Assert.NotEmpty(await CollectAsync(a, Request(0, 10)));
    }

    [Fact]
    public async Task Node_should_say_why_when_the_clusters_model_is_not_what_it_was_told()
    {
        await using var a = await ServeNode.StartReadyAsync("--model", Repository.Nano);
        string disk = Directory.CreateTempSubdirectory("pangu-join-").FullName;
        try
        {
            await using var b = ServeNode.Start("--data", disk, "--seed-node", a.Cluster, "--kv", "int8");
            var ended = await b.Program.EndAsync();
            Assert.True(ended.Code == 2, $"ended with {ended.Code}: {ended.Error}");
            Assert.Contains("--kv: the cluster's model is", ended.Error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(disk, recursive: true);
        }
    }

    /// <summary>One answer after the other, so that there are rows to serve.</summary>
    private static async Task<int> LoadAsync(ServeNode node, CancellationToken over)
    {
        int tokens = 0;
        for (int i = 1; !over.IsCancellationRequested; i++)
            tokens += (await CollectAsync(node, Request(i % 100, 40))).Count;
        return tokens;
    }

    /// <summary>As the other node hears of it, which is told twice a second.</summary>
    private static async Task<TimeSpan> FirstRowAsync(ServeNode a, long start)
    {
        ClusterState? last = null;
        await Wait.UntilAsync(
            async () => (last = await a.Client.GetClusterAsync()).Nodes.Any(n => n is { Id: "empty", Rows: > 0 }), Limit, () => $"{last}\n{a.Program.Error}");
        return Stopwatch.GetElapsedTime(start);
    }

    private static async Task UntilOwnsHalfAsync(ServeNode b)
    {
        string last = "";
        await Wait.UntilAsync(
            async () =>
            {
                try
                {
                    var cluster = await b.Client.GetClusterAsync();
                    last = cluster.ToString();
                    return cluster.Groups.Count(g => g is { NodeId: "empty", State: "Ready" }) >= cluster.Groups.Count / 2;
                }
                catch (RpcException e)
                {
                    last = e.Message;
                    return false;
                }
            },
            Limit, () => $"{last}\n{b.Program.Error}");
    }

    private static async Task<List<Token>> CollectAsync(ServeNode node, GenerateRequest request)
    {
        var tokens = new List<Token>();
        await foreach (var happened in node.Client.GenerateAsync(request))
            if (happened.Token is { } token)
                tokens.Add(token);
        return tokens;
    }
}
