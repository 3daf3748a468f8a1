using PanguCluster.Chaos.Load;
using PanguCluster.Chaos.Processes;
using System.Globalization;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Integration.Tests.Processes;
using PanguCluster.Integration.Tests.Storm;
using Xunit;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>
/// <c>pangu scale</c> while 16 callers are served. PANGU_SCALE="4 8 4 2" makes the long run, PANGU_SCALE_MODEL names another model's folder (<c>pangu random</c>);
/// the longest gaps between two tokens of a stream are in the output.
/// </summary>
public class ScaleTests(ITestOutputHelper output)
{
    private const int Callers = 16;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(180);
    private static readonly string? Long = Environment.GetEnvironmentVariable("PANGU_SCALE");
    private static readonly string? Model = Environment.GetEnvironmentVariable("PANGU_SCALE_MODEL");
    private static readonly TimeSpan Steady = TimeSpan.FromSeconds(Long is null ? 3 : 8);

    [Fact]
    public async Task Streams_should_be_byte_identical_when_nodes_come_and_go()
    {
        int[] steps = [.. (Long ?? "3 2").Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        var requests = Model is null ? MixedRequests.Mixed(Callers) : Ids();
        var expected = await KillStormTests.ExpectedAsync(requests, Model);
        await using var cluster = await UpCluster.StartAsync(Model ?? Repository.Nano, 2, ["--replicas", "2"]);
        var load = new MixedLoad(requests, expected, [.. cluster.Nodes.Select(n => n.Grpc)]);
        bool over = false;
        var running = load.RunAsync(() => over);
        var spans = new List<(string What, double From, double To)>();
        // What these nodes do to the gaps when none comes or goes: they share the machine's cores.
        async Task KeepAsync(int nodes)
        {
            double from = load.Now;
            await Task.Delay(Steady);
            spans.Add(($"steady {nodes}", from, load.Now));
        }
        try
        {
            await Wait.UntilAsync(() => load.Flowing == Callers, Limit, () => $"{load.Flowing} of {Callers} callers are brought tokens");
            await KeepAsync(cluster.Nodes.Count);
            foreach (int nodes in steps)
            {
                double from = load.Now;
                var ended = await RunningProgram.RunPanguAsync("scale", nodes.ToString(CultureInfo.InvariantCulture), "--yes", "--server", cluster.Nodes[0].Grpc);
                Assert.True(ended.Code == 0, $"scale {nodes} ended with {ended.Code}: {ended.Error}{ended.Output}");
                spans.Add(($"scale {nodes}", from, load.Now));
                using var client = new PanguClient(cluster.Nodes[0].Grpc);
                Assert.Equal(nodes, (await client.GetClusterAsync()).Nodes.Count(n => n.Status == "Up"));
                await KeepAsync(nodes);
            }
        }
        finally
        {
            over = true;
        }
        await running.WaitAsync(Limit);

        output.WriteLine($"{load.Answers} answers, {load.Tokens} tokens in {load.Now:0} s, {load.Recoveries.Count} recoveries of clients, {load.Faults.Count} faults");
        foreach (var (what, from, to) in spans)
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{what}, {to - from:0.0} s: gap between two tokens, seconds: {StormReport.Percentiles([.. load.Streams.SelectMany(s => s.Gaps(from, to))])}"));
        foreach (string fault in load.Faults)
            output.WriteLine(fault);
        Assert.Empty(load.Faults);
    }

    /// <summary>For a model without a tokenizer, and one that takes its time.</summary>
    private static IReadOnlyList<GenerateRequest> Ids() => [.. Enumerable.Range(0, Callers).Select(i => new GenerateRequest
    {
        TokenIds = new TokenIds { Ids = { Enumerable.Range(1, 20 + i * 25).Select(k => k * 31 % 1000 + i) } }, MaxTokens = 60 + i * 5,
        Sampling = new Sampling { Temperature = i % 2, Seed = (ulong)i },
    })];
}
