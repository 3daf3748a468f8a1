using PanguCluster.Chaos.Load;
using PanguCluster.Chaos.Processes;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests.Storm;

/// <summary>All nodes are killed at once and started again: every caller gets the rest of its answer, from the journal's record on.</summary>
public class PowerCutTests(ITestOutputHelper output)
{
    private const int Callers = 16;

    [Fact]
    public Task Answers_should_be_the_same_bytes_after_a_power_cut_when_sqlite_keeps_the_sessions() => CutAsync(Journals.Fresh());

    [Fact]
    public async Task Answers_should_be_the_same_bytes_after_a_power_cut_when_postgres_keeps_the_sessions()
    {
        Assert.SkipUnless(PostgresServer.FindBinaries() is not null || Environment.GetEnvironmentVariable("CI") is not null, "PostgreSQL is not installed");
        using var postgres = PostgresServer.Start();
        await CutAsync(postgres.ConnectionString(postgres.CreateDatabase()));
    }

    private async Task CutAsync(string journal)
    {
        var requests = MixedRequests.Mixed(Callers);
        var expected = await KillStormTests.ExpectedAsync(requests);
        await using var cluster = await NodeCluster.StartAsync(3, journal);
        var load = new MixedLoad(requests, expected, cluster.Endpoints);
        var running = load.RunAsync(() => true);
        await Wait.UntilAsync(() => load.Tokens > 50 * Callers, RunningProgram.Limit, () => $"{load.Tokens} tokens");

        double at = load.Now;
        int answered = load.Answers;
        for (int i = 0; i < cluster.Nodes.Count; i++)
            cluster.Kill(i);
        await cluster.StartAllAgainAsync();
        await cluster.WholeAsync();
        double back = load.Now;
        await running.WaitAsync(TimeSpan.FromSeconds(120));

        output.WriteLine($"{Callers - answered} streams cut, cluster whole after {back - at:0.0} s, last answer after {load.Now - at:0.0} s");
        var pauses = load.Streams.Select(s => s.StallAfter(at, at + 1, double.MaxValue)?.NextToken).OfType<double>().ToList();
        output.WriteLine($"cut to next token, seconds: {StormReport.Percentiles(pauses)}");
        Assert.Empty(load.Faults);
        Assert.True(answered < Callers, "every answer was complete before the cut");
    }
}
