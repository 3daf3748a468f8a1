using PanguCluster.Chaos.Load;
using PanguCluster.Chaos.Processes;
using System.Globalization;
using PanguCluster.Client;
using PanguCluster.Integration.Tests.Processes;
using PanguCluster.Integration.Tests.Storm;
using Xunit;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>
/// <c>pangu scale</c> while 16 callers are served. PANGU_SCALE="4 8 4 2" makes the long run; the longest gaps between two tokens of a stream are in the output.
/// </summary>
public class ScaleTests(ITestOutputHelper output)
{
    private const int Callers = 16;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(180);

    [Fact]
    public async Task Streams_should_be_byte_identical_when_nodes_come_and_go()
    {
        int[] steps = [.. (Environment.GetEnvironmentVariable("PANGU_SCALE") ?? "3 2").Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        var requests = MixedRequests.Mixed(Callers);
        var expected = await KillStormTests.ExpectedAsync(requests);
        await using var cluster = await UpCluster.StartAsync(2, "--replicas", "2");
        var load = new MixedLoad(requests, expected, [.. cluster.Nodes.Select(n => n.Grpc)]);
        bool over = false;
        var running = load.RunAsync(() => over);
        var spans = new List<(string What, double From, double To)>();
        try
        {
            await Wait.UntilAsync(() => load.Flowing == Callers, Limit, () => $"{load.Flowing} of {Callers} callers are brought tokens");
            double steady = load.Now;
            await Task.Delay(TimeSpan.FromSeconds(10));
            spans.Add(("steady", steady, load.Now));
            foreach (int nodes in steps)
            {
                double from = load.Now;
                var ended = await RunningProgram.RunPanguAsync("scale", nodes.ToString(CultureInfo.InvariantCulture), "--yes", "--server", cluster.Nodes[0].Grpc);
                Assert.True(ended.Code == 0, $"scale {nodes} ended with {ended.Code}: {ended.Error}{ended.Output}");
                spans.Add(($"scale {nodes}", from, load.Now));
                using var client = new PanguClient(cluster.Nodes[0].Grpc);
                Assert.Equal(nodes, (await client.GetClusterAsync()).Nodes.Count(n => n.Status == "Up"));
                await Task.Delay(TimeSpan.FromSeconds(3));
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
}
