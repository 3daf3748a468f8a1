using PanguCluster.Chaos.Load;
using PanguCluster.Chaos.Processes;
using PanguCluster.Integration.Tests.Processes;
using PanguCluster.Integration.Tests.Storm;
using Xunit;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>
/// Faults in the middle of scale operations, each when the cluster is seen to be at the point in question: the operation ends, the cluster ends healthy, and no stream
/// is harmed. PANGU_SCALE_FAULTS=10 strikes ten times at each point; how long streams stalled is in the output.
/// </summary>
public class ScaleFaultTests(ITestOutputHelper output)
{
    private const int Callers = 16;

    /// <summary>Seconds of a fault in which it may begin to be felt.</summary>
    private const double Felt = 1.0;

    /// <summary>A point may pass too quickly to be seen: so many tries for each strike.</summary>
    private const int Tries = 4;

    private static readonly int Times = KillStormTests.Setting("PANGU_SCALE_FAULTS", 1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(180);

    [Fact]
    public Task Operations_should_end_and_no_stream_be_harmed_when_faults_strike_in_their_middle() =>
        RunAsync(empty: false, [.. ScalePoint.All, ScalePoint.Second]);

    [Fact]
    public Task Operations_should_end_and_no_stream_be_harmed_when_a_node_is_killed_that_fetches_its_groups() =>
        RunAsync(empty: true, [ScalePoint.Fetching]);

    private readonly List<(string Point, List<double> At)> _strikes = [];

    private async Task RunAsync(bool empty, IReadOnlyList<ScalePoint> points)
    {
        var requests = MixedRequests.Mixed(Callers);
        var expected = await KillStormTests.ExpectedAsync(requests);
        await using var cluster = await ElasticCluster.StartAsync(empty);
        var load = new MixedLoad(requests, expected, [cluster.Gateway]);
        bool over = false;
        var running = load.RunAsync(() => over);
        try
        {
            foreach (var point in points)
                await StrikeAsync(cluster, load, point);
        }
        finally
        {
            over = true;
            foreach (string fault in load.Faults)
                output.WriteLine(fault);
        }
        await running.WaitAsync(Limit);
        foreach (var (point, strikes) in _strikes)
            output.WriteLine($"{point}: longest silence, seconds: {StormReport.Percentiles([.. strikes.SelectMany(at => load.Streams.Select(s => s.StallAfter(at, at + Felt, double.MaxValue))).OfType<Stall>().Select(s => s.Silence)])}");
        output.WriteLine($"{load.Answers} answers, {load.Tokens} tokens in {load.Now:0} s, {load.Recoveries.Count} recoveries of clients, {load.Faults.Count} faults");
        Assert.Empty(load.Faults);
    }

    private async Task StrikeAsync(ElasticCluster cluster, MixedLoad load, ScalePoint point)
    {
        var strikes = new List<double>();
        var ends = new List<string>();
        var lasted = new List<double>();
        for (int i = 0; i < Tries * Times && strikes.Count < Times; i++)
        {
            await cluster.ScaleAsync(point.From);
            await Wait.UntilAsync(() => load.Flowing == Callers, Limit, () => $"{point.Name} {i}: {load.Flowing} of {Callers} callers are brought tokens");
            var before = (await cluster.SeeAsync()).Nodes.Select(n => n.Id).ToHashSet();
            await using var scale = cluster.Begin(point.To);
            string? victim = await cluster.FindAsync(s => point.Find(s, before));
            double at = load.Now;
            if (victim is not null)
            {
                strikes.Add(at);
                await DoAsync(cluster, point, victim);
            }
            await Wait.UntilAsync(async () => !ElasticCluster.IsBusy(await cluster.SeeAsync()), Limit, () => cluster.PictureAsync().GetAwaiter().GetResult());
            ends.Add((await cluster.SeeAsync()).Operations[0].State.ToString());
            var ended = await scale.EndAsync(Limit);
            await cluster.HealthyAsync();
            lasted.Add(load.Now - at);
            Assert.True(ended.Code is 0 or 1, $"{point.Name}: pangu scale ended with {ended.Code}: {ended.Error}");
        }
        _strikes.Add((point.Name, strikes));
        output.WriteLine($"{point.Name}: {strikes.Count} times; operations {string.Join(", ", ends.GroupBy(e => e).Select(e => $"{e.Count()} {e.Key}"))}; healthy after, seconds: {StormReport.Percentiles(lasted)}");
        Assert.True(strikes.Count > 0, $"{point.Name}: the cluster was never seen there");
    }

    private static async Task DoAsync(ElasticCluster cluster, ScalePoint point, string victim)
    {
        if (point != ScalePoint.Second)
            cluster.Kill(victim);
        else
            await using (var second = cluster.Begin(point.From + 1))
                await second.EndAsync(Limit);
    }
}
