using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Bench;

/// <summary>One measured situation.</summary>
/// <param name="Phase">"prefill", "decode" or "context".</param>
/// <param name="Size">Tokens of the prompt, sequences of the batch, or positions of the cache.</param>
/// <param name="StepMilliseconds">Median of the repeats: of a step, or of all chunks of a prompt.</param>
/// <param name="TokensPerSecond">Tokens over that median.</param>
/// <param name="LimitTokensPerSecond">What the binding limit would allow, as it was around these repeats.</param>
/// <param name="Limit">Which limit binds: "read bandwidth", "int8 throughput", "fp32 throughput".</param>
/// <param name="Fraction">
/// Reached over allowed: the median of every repeat against the limits probed right before and after it. Over 1 is possible for a model
/// that fits the caches: it is not read from memory.
/// </param>
/// <param name="FractionOfBest">The same against the best probes of the whole run: never flattered by a slow phase of the host.</param>
/// <param name="DistinctExperts">Distinct experts read per layer and step, mean.</param>
/// <param name="DistinctTokens">Distinct ids fed per step, mean.</param>
/// <param name="Bytes">Of one repeat, counted as <see cref="StepWork"/> says.</param>
/// <param name="Operations">All multiply-adds of one repeat times two.</param>
/// <param name="OutsideKernels">Share of the wall time not spent in trunk and expert group calls.</param>
/// <param name="Stages">Share of the wall time by <see cref="Stage"/>.</param>
/// <param name="Repeats">Repeats measured.</param>
/// <param name="Kv">Of a long context: how fast its keys and values are read.</param>
public sealed record BenchResult(
    string Phase, int Size, double StepMilliseconds, double TokensPerSecond, double LimitTokensPerSecond, string Limit, double Fraction,
    double FractionOfBest, double DistinctExperts, double DistinctTokens, double Bytes, double Operations, double OutsideKernels,
    IReadOnlyDictionary<string, double> Stages, int Repeats, KvReading? Kv = null);

/// <summary>Keys and values of a long context.</summary>
/// <param name="Bytes">Read by one step.</param>
/// <param name="Milliseconds">What they add to the step's attention calls, median.</param>
/// <param name="Fraction">Of the read bandwidth probed around.</param>
public sealed record KvReading(double Bytes, double Milliseconds, double BytesPerSecond, double Fraction);

/// <summary>A repeat and the machine's limits around it.</summary>
public sealed record LimitedSample(BenchSample Sample, MachineLimits Limits);

/// <summary>All repeats of one situation of one model.</summary>
public sealed record BenchMeasurement(Situation Situation, IReadOnlyList<LimitedSample> Samples)
{
    /// <param name="best">The best probes of the run.</param>
    public BenchResult Against(MachineLimits best, PackedModel model)
    {
        var format = model.Manifest.Format;
        int tokens = Situation.Phase == Bench.Situation.Context ? 1 : Situation.Size;
        double wall = Medians.Of(Samples.Select(s => s.Sample.Wall));
        double all = Samples.Sum(s => s.Sample.Wall);
        var steps = Samples.SelectMany(s => s.Sample.Steps).ToArray();
        var least = Samples.Select(s => s.Sample.Least(s.Limits, format)).ToArray();
        return new BenchResult(
            Situation.Phase, Situation.Size, wall * 1000, tokens / wall, tokens / Medians.Of(least.Select(l => l.Seconds)),
            least.GroupBy(l => l.Limit).MaxBy(g => g.Count())!.Key,
            Medians.Of(Samples.Select((s, i) => least[i].Seconds / s.Sample.Wall)),
            Medians.Of(Samples.Select(s => s.Sample.Least(best, format).Seconds / s.Sample.Wall)),
            steps.Average(s => (double)s.DistinctExperts) / model.Shape.Layers, steps.Average(s => s.Rows.DistinctTokens),
            Samples.Average(s => s.Sample.Steps.Sum(t => t.Work.Bytes)),
            Samples.Average(s => s.Sample.Steps.Sum(t => t.Work.WeightOperations + t.Work.FloatOperations)),
            1 - Samples.Sum(s => s.Sample.InKernels) / all,
            Enum.GetValues<Stage>().Where(s => s != Stage.Counting).ToDictionary(
                stage => stage.ToString().ToLowerInvariant(), stage => Samples.Sum(s => s.Sample.Seconds(stage)) / all),
            Samples.Count, Reading(model));
    }

    private KvReading? Reading(PackedModel model)
    {
        if (Situation.Phase != Bench.Situation.Context)
            return null;
        double bytes = LongContext.KvBytes(model, Situation.Size);
        // The difference of two calls: a disturbed pair may even be negative, so the middle of the differences is taken before dividing.
        double seconds = Medians.Of(Samples.Select(s => s.Sample.KvSeconds!.Value));
        double bandwidth = Medians.Of(Samples.Select(s => s.Limits.ReadBytesPerSecond));
        double rate = seconds > 0 ? bytes / seconds : 0;
        return new KvReading(bytes, seconds * 1000, rate, rate / bandwidth);
    }
}
