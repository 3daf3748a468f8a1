using PanguCluster.Chaos.Load;
using PanguCluster.Chaos.Processes;
using System.Globalization;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests.Storm;

/// <summary>
/// Real nodes are killed under many streams, and no caller notices more than a pause: nothing fails, is lost, repeated or changed.
/// PANGU_KILLS=60 makes the long run of it, PANGU_STORM_SEED another one; the figures are in the test's output.
/// </summary>
public class KillStormTests(ITestOutputHelper output)
{
    private const int Callers = 32;
    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(180);

    [Fact]
    public async Task Streams_should_be_byte_identical_when_random_nodes_are_killed()
    {
        int kills = Setting("PANGU_KILLS", 3);
        var random = new Random(Setting("PANGU_STORM_SEED", 1));
        var requests = MixedRequests.Mixed(Callers);
        var expected = await ExpectedAsync(requests);
        await using var cluster = await NodeCluster.StartAsync(3, Journals.Fresh());
        var load = new MixedLoad(requests, expected, cluster.Endpoints);
        var killed = new List<(double At, string Endpoint)>();
        bool over = false;
        var running = load.RunAsync(() => over);
        try
        {
            for (int k = 0; k < kills; k++)
            {
                await Wait.UntilAsync(() => load.Flowing == Callers, LastAnswers, () => $"{load.Flowing} of {Callers} callers are brought tokens");
                await Task.Delay(random.Next(1500));
                int victim = random.Next(cluster.Nodes.Count);
                killed.Add((load.Now, cluster.Endpoints[victim]));
                cluster.Kill(victim);
                await Task.Delay(random.Next(1000));
                await cluster.StartAgainAsync(victim);
                await cluster.WholeAsync();
            }
        }
        finally
        {
            over = true;
        }
        await running.WaitAsync(LastAnswers);

        output.WriteLine($"{killed.Count} kills, {load.Answers} answers, {load.Tokens} tokens in {load.Now:0} s, {load.Recoveries.Count} recoveries of clients, {load.Recoveries.Count(r => r.Restarted)} of them from the start, {load.Faults.Count} faults");
        output.WriteLine(StormReport.Of(killed, [.. load.Streams]));
        foreach (string fault in load.Faults)
            output.WriteLine(fault);
        Assert.Empty(load.Faults);
        Assert.True(load.Answers >= Callers);
    }

    internal static async Task<IReadOnlyList<Answer>> ExpectedAsync(IReadOnlyList<Pangu.V1.GenerateRequest> requests, string? model = null)
    {
        await using var alone = await ServeNode.StartReadyAsync("--model", model ?? Repository.Nano);
        return await MixedLoad.UndisturbedAsync(alone.Client, requests);
    }

    internal static int Setting(string name, int usual) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;
}
