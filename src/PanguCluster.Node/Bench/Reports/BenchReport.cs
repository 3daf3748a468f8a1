namespace PanguCluster.Node.Bench;

/// <summary>A whole run: the machine, the model, and what was measured.</summary>
/// <param name="Schema">Of this JSON; grows when a field changes its meaning.</param>
/// <param name="Rounds">How often every situation was to be measured.</param>
/// <param name="Seconds">How long the measuring took.</param>
/// <param name="Skipped">What the time did not suffice for, in words.</param>
/// <param name="AgainstDense">The same situations of a dense model of as many parameters, if it was asked for.</param>
/// <param name="Comparison">Against an earlier run, if it was asked for.</param>
/// <param name="Kv">How keys and values were stored; null in reports older than the choice.</param>
public sealed record BenchReport(
    int Schema, MachineReport Machine, string Model, string Format, string Kernels, int Layers, long ModelBytes, int Rounds, double Seconds,
    IReadOnlyList<BenchResult> Results, IReadOnlyList<string> Skipped, DenseReport? AgainstDense = null, BenchComparison? Comparison = null,
    string? Kv = null)
{
    public const int CurrentSchema = 2;
}

/// <param name="Ratios">Tokens per second of the sparse model over those of the dense one.</param>
public sealed record DenseReport(string Model, long ModelBytes, IReadOnlyList<BenchResult> Results, IReadOnlyList<SpeedRatio> Ratios)
{
    public static DenseReport Of(string model, long bytes, IReadOnlyList<BenchResult> dense, IReadOnlyList<BenchResult> sparse) => new(
        model, bytes, dense,
        [
            .. from s in sparse
               join d in dense on (s.Phase, s.Size) equals (d.Phase, d.Size)
               select new SpeedRatio(s.Phase, s.Size, s.TokensPerSecond / d.TokensPerSecond),
        ]);
}

public sealed record SpeedRatio(string Phase, int Size, double Ratio);
