using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Bench;

/// <summary>One measured step.</summary>
/// <param name="Wall">Seconds, without the bench's own counting.</param>
/// <param name="Stages">Seconds inside kernels, by <see cref="Stage"/>.</param>
/// <param name="DistinctExperts">Distinct (layer, expert) pairs chosen.</param>
public sealed record BenchStep(double Wall, double[] Stages, RowCount Rows, long DistinctExperts, StepWork Work)
{
    public double InKernels => Stages.Sum();
}

/// <summary>The steps that make up one repeat of a situation: one of a decode, the chunks of a prompt for a prefill.</summary>
/// <param name="KvSeconds">What reading the long context added to the attention calls; null where that is not measured.</param>
public sealed record BenchSample(IReadOnlyList<BenchStep> Steps, double? KvSeconds = null)
{
    public double Wall => Steps.Sum(s => s.Wall);

    public double InKernels => Steps.Sum(s => s.InKernels);

    public double Seconds(Stage stage) => Steps.Sum(s => s.Stages[(int)stage]);

    /// <summary>Seconds the steps need at least, and which limit binds most of them.</summary>
    public (double Seconds, string Limit) Least(MachineLimits limits, PackFormat format)
    {
        var each = Steps.Select(s => s.Work.Least(limits, format)).ToArray();
        return (each.Sum(e => e.Seconds), each.GroupBy(e => e.Limit).MaxBy(g => g.Sum(e => e.Seconds))!.Key);
    }
}
