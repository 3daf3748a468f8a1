using PanguCluster.Chaos.Load;
using PanguCluster.Chaos.Processes;
using System.Globalization;
using PanguCluster.Integration.Tests.Processes;
using PanguCluster.Integration.Tests.Storm;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>What one fault does to a running cluster, again and again at random moments under a steady load: no stream may be harmed, and how long it stalls is measured.</summary>
internal sealed class FaultTrial(NodeCluster cluster, MixedLoad load, int callers, Random random)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(180);

    private readonly List<double> _at = [];

    /// <summary>Seconds of a fault in which it may begin to be felt.</summary>
    public double Felt { get; init; } = 1.0;

    /// <param name="strike">Does it; returns when it is done.</param>
    /// <param name="mend">Undoes it, as far as the cluster does not by itself.</param>
    public async Task RunAsync(int times, Func<int, Task> strike, Func<int, Task> mend)
    {
        for (int i = 0; i < times; i++)
        {
            await Wait.UntilAsync(() => load.Flowing == callers || !load.Faults.IsEmpty, Limit, () => $"trial {i}: {load.Flowing} of {callers} callers are brought tokens");
            if (!load.Faults.IsEmpty)
                return;
            await Task.Delay(random.Next(500));
            _at.Add(load.Now);
            await strike(i);
            await Task.Delay(TimeSpan.FromSeconds(Felt));
            await mend(i);
            await cluster.WholeAsync();
        }
    }

    /// <summary>What each fault did to each stream that ran through it.</summary>
    public List<Stall> Stalls() => [.. _at.SelectMany((_, k) => Stalls(k))];

    private IEnumerable<Stall> Stalls(int fault)
    {
        double at = _at[fault], until = fault + 1 < _at.Count ? _at[fault + 1] : double.MaxValue;
        return load.Streams.Select(stream => stream.StallAfter(at, at + Felt, until)).OfType<Stall>();
    }

    private double Worst(int fault) => Stalls(fault).Select(s => s.Silence).DefaultIfEmpty().Max();

    public string Report(string fault) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        {fault}: {_at.Count} times, {load.Answers} answers, {load.Tokens} tokens, {load.Recoveries.Count} recoveries of clients, {load.Faults.Count} faults
          fault to next token, seconds: {StormReport.Percentiles([.. Stalls().Select(s => s.NextToken)])}
          longest silence, seconds:     {StormReport.Percentiles([.. Stalls().Select(s => s.Silence)])}
          of each fault the longest:    {StormReport.Percentiles([.. Enumerable.Range(0, _at.Count).Select(Worst)])}
        """);
}
