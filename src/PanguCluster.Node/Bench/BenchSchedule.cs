namespace PanguCluster.Node.Bench;

/// <summary>
/// Rounds over all situations of one or several models, the machine probed between any two: what is compared was measured side by side,
/// and a drift of the host touches all alike. Stops in time: a repeat that would probably pass the limit is left out.
/// </summary>
public sealed class BenchSchedule(MachineProbe probe, TimeProvider time, double seconds, CancellationToken stop)
{
    /// <summary>How much longer than the one before it the first repeat of a prefill is expected to take: each prompt is four times the last.</summary>
    private const double Growth = 4;

    private readonly long _start = time.GetTimestamp();
    private readonly Dictionary<(int Run, Situation Situation), double> _cost = [];
    private double _lastPrefill;
    private MachineLimits? _latest;

    /// <summary>Since this was made.</summary>
    public double Elapsed => time.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Repeats left out, in words, and how often.</summary>
    public Dictionary<string, int> Skipped { get; } = [];

    /// <param name="runs">Models; each situation is measured on one after the other.</param>
    /// <returns>For every model its measurements; a situation that there was no time for is not among them.</returns>
    public IReadOnlyList<IReadOnlyList<BenchMeasurement>> Run(
        IReadOnlyList<BenchRun> runs, IReadOnlyList<Situation> situations, int rounds, Action<long, long, string> progress)
    {
        var samples = runs.Select(_ => situations.ToDictionary(s => s, _ => new List<LimitedSample>())).ToArray();
        long done = 0, total = (long)rounds * situations.Count * runs.Count;
        _latest = probe.Probe(stop);
        for (int round = 0; round < rounds; round++)
        {
            foreach (var situation in situations)
            {
                for (int run = 0; run < runs.Count; run++)
                {
                    if (HasTimeFor(run, situation))
                        samples[run][situation].AddRange(Measure(runs[run], run, situation));
                    else
                        Skipped[situation.ToString()] = Skipped.GetValueOrDefault(situation.ToString()) + 1;
                    progress(++done, total, situation.ToString());
                }
            }
        }
        return [.. samples.Select(s => situations.Where(k => s[k].Count > 0).Select(k => new BenchMeasurement(k, s[k])).ToArray())];
    }

    private IEnumerable<LimitedSample> Measure(BenchRun run, int index, Situation situation)
    {
        var before = _latest!;
        long start = time.GetTimestamp();
        var measured = run.Run(situation);
        double cost = time.GetElapsedTime(start).TotalSeconds;
        _cost[(index, situation)] = cost;
        if (situation.Phase == Situation.Prefill)
            _lastPrefill = cost;
        _latest = probe.Probe(stop);
        var around = MachineLimits.Of([before, _latest], Medians.Of);
        return measured.Select(m => new LimitedSample(m, around));
    }

    private bool HasTimeFor(int run, Situation situation)
    {
        double expected = _cost.TryGetValue((run, situation), out double last) ? last
            : situation.Phase == Situation.Prefill ? _lastPrefill * Growth : 0;
        return Elapsed + expected <= seconds;
    }
}
