using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Bench;

/// <summary>One measured situation.</summary>
/// <param name="Phase">"prefill" or "decode".</param>
/// <param name="Rows">Token rows of a step: the prompt's length, or the batch.</param>
/// <param name="Context">Positions a row attends to, mean.</param>
/// <param name="StepMilliseconds">Median of the repeats.</param>
/// <param name="TokensPerSecond">Rows over the median step.</param>
/// <param name="LimitTokensPerSecond">What the binding limit would allow.</param>
/// <param name="Limit">Which limit binds: "read bandwidth", "int8 throughput", "fp32 throughput".</param>
/// <param name="Fraction">Reached over allowed. Over 1 is possible for a model that fits the caches: it is not read from memory.</param>
/// <param name="DistinctExperts">Distinct experts read per layer, mean.</param>
/// <param name="BytesPerStep">Counted as <see cref="StepWork"/> says.</param>
/// <param name="OperationsPerStep">All multiply-adds times two.</param>
/// <param name="OutsideKernels">Share of the wall time not spent in trunk and expert group calls.</param>
/// <param name="Repeats">Steps measured.</param>
public sealed record BenchResult(
    string Phase, int Rows, double Context, double StepMilliseconds, double TokensPerSecond, double LimitTokensPerSecond, string Limit,
    double Fraction, double DistinctExperts, double BytesPerStep, double OperationsPerStep, double OutsideKernels, int Repeats);

/// <param name="Wall">Seconds of the step.</param>
/// <param name="Kernels">Seconds of it inside trunk and expert group calls.</param>
/// <param name="Distinct">Distinct (layer, expert) pairs chosen.</param>
public readonly record struct BenchSample(double Wall, double Kernels, double Distinct);

/// <summary>The steps of one situation, before they are set against the machine's limits.</summary>
public sealed record BenchMeasurement(string Phase, int Rows, double Context, StepWork Work, IReadOnlyList<BenchSample> Samples)
{
    public BenchResult Against(MachineLimits limits, PackedModel model)
    {
        double wall = Medians.Of(Samples.Select(s => s.Wall));
        var (least, limit) = Work.Least(limits, model.Manifest.Format);
        return new BenchResult(
            Phase, Rows, Context, wall * 1000, Rows / wall, Rows / least, limit, least / wall, Samples.Average(s => s.Distinct) / model.Shape.Layers,
            Work.Bytes, Work.WeightOperations + Work.FloatOperations, 1 - Samples.Sum(s => s.Kernels) / Samples.Sum(s => s.Wall), Samples.Count);
    }
}

/// <summary>A whole run: the machine, the model, and what was measured.</summary>
public sealed record BenchReport(
    MachineLimits Machine, string Model, string Format, string Kernels, int Layers, long ModelBytes, IReadOnlyList<BenchResult> Results);
