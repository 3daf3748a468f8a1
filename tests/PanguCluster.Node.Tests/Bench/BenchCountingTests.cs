using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Bench;
using Xunit;

namespace PanguCluster.Node.Tests.Bench;

/// <summary>What turns measured steps into figures: counts, medians, limits and verdicts.</summary>
public sealed class BenchCountingTests
{
    [Theory]
    [InlineData(4096)]
    [InlineData(32000)]
    [InlineData(97)]
    [InlineData(2)]
    [InlineData(1)]
    public void TokenIds_should_visit_the_whole_vocabulary_before_any_comes_twice(int vocabulary)
    {
        int[] ids = new TokenIds(vocabulary, start: 12345).Take(vocabulary);
        Assert.Equal(Enumerable.Range(0, vocabulary), ids.Order());
    }

    [Fact]
    public void TokenIds_should_differ_with_their_start_and_repeat_with_it()
    {
        Assert.Equal(new TokenIds(4096, 7).Take(20), new TokenIds(4096, 7).Take(20));
        Assert.NotEqual(new TokenIds(4096, 7).Take(20), new TokenIds(4096, 8).Take(20));
    }

    [Fact]
    public void RowCount_should_read_a_sequences_cache_once_but_compute_for_every_row()
    {
        // One sequence at 10, 11, 12 and two at 5 and 70.
        var batch = new StepBatch(8, 8) { Rows = 5, LogitCount = 3 };
        int[] positions = [10, 11, 12, 5, 70], tables = [0, 0, 0, 1, 2], tokens = [4, 4, 5, 6, 4];
        positions.CopyTo(batch.Positions, 0);
        tables.CopyTo(batch.Tables, 0);
        tokens.CopyTo(batch.Tokens, 0);
        Assert.Equal(new RowCount(5, 3, Cached: 13 + 6 + 71, Attended: 11 + 12 + 13 + 6 + 71, DistinctTokens: 3), RowCount.Of(batch));
    }

    [Fact]
    public void Dense_shape_should_have_the_parameters_of_the_sparse_one()
    {
        static double Parameters(Model.Shapes.ModelShape s) =>
            3.0 * s.HiddenSize * ((double)s.Experts * s.ExpertIntermediate + s.SharedIntermediate) + (double)s.HiddenSize * s.Experts;
        var sparse = BenchShapes.PanguPro(4);
        var dense = BenchShapes.Dense(sparse).Validate();
        Assert.InRange(Parameters(dense) / Parameters(sparse), 0.999, 1.001);
        Assert.Equal(4, dense.Layers);
        // Every parameter active: as many operations per token as two per parameter, the router's aside.
        Assert.Equal(2 * 3.0 * 5120 * (64 * 1344 + 5376) + 2.0 * 5120 * (5120 + 2048 + 5120), StepWork.WeightOperationsPerLayer(dense));
    }

    [Fact]
    public void Measurement_should_set_every_repeat_against_the_limits_around_it()
    {
        using var temporary = TemporaryModel.Write("t", BenchShapes.Nano(1), PackFormat.W8A8, (_, _, _) => { }, default);
        // Three steps of 1 GB each: the machine halves its speed and so do the steps. Each reached half of what was possible.
        var samples = new[] { (4e9, 0.5), (2e9, 1.0), (1e9, 2.0) }.Select(p => Sample(read: p.Item1, wall: p.Item2)).ToArray();
        var result = new BenchMeasurement(new Situation(Situation.Decode, 8), samples).Against(Limits(4e9), temporary.Model);
        Assert.Equal(0.5, result.Fraction, 1e-12);
        Assert.Equal(0.25, result.FractionOfBest, 1e-12);
        Assert.Equal(8, result.TokensPerSecond, 1e-12);
        Assert.Equal(16, result.LimitTokensPerSecond, 1e-12);
        Assert.Equal("read bandwidth", result.Limit);
        Assert.Equal(0.25, result.Stages["experts"], 1e-12);
        Assert.Equal(0.75, result.OutsideKernels, 1e-12);
        Assert.Equal(3, result.Repeats);
    }

    [Fact]
    public void Measurement_should_read_the_context_from_the_middle_of_the_differences()
    {
        using var temporary = TemporaryModel.Write("t", BenchShapes.Nano(2), PackFormat.W8A8, (_, _, _) => { }, default);
        double bytes = 100 * 2 * 2 * 64 * 2.0;
        var samples = new[] { -1.0, 0.5, 9.0 }.Select(kv => Sample(read: bytes * 4, wall: 1, kv)).ToArray();
        var reading = new BenchMeasurement(new Situation(Situation.Context, 101), samples).Against(Limits(4e9), temporary.Model).Kv;
        Assert.Equal(new KvReading(bytes, 500, bytes * 2, 0.5), reading);
    }

    [Theory]
    [InlineData(0.5, 0.5, "slower")]
    [InlineData(0.5, 1.0, "same")] // the host slept
    [InlineData(1.0, 0.5, "same")] // the host woke up
    [InlineData(0.91, 0.91, "same")]
    [InlineData(1.2, 1.2, "faster")]
    public void Comparison_should_call_slower_only_what_is_slower_against_the_machine_too(double speed, double fraction, string verdict)
    {
        var comparison = BenchComparison.Of("f", Report(100, 0.8), Report(100 * speed, 0.8 * fraction), 0.1);
        Assert.Equal(verdict, Assert.Single(comparison.Results).Verdict);
        Assert.Empty(comparison.Differences);
    }

    [Fact]
    public void Comparison_should_name_what_is_not_measured_any_more()
    {
        var comparison = BenchComparison.Of("f", Report(100, 0.8), Report(100, 0.8) with { Results = [], Layers = 5 }, 0.1);
        Assert.Equal(["decode 1"], comparison.Missing);
        Assert.Equal(["layers 1 then, 5 now"], comparison.Differences);
    }

    private static MachineLimits Limits(double read) => new(1, "test", read, 1e18, 1e18);

    private static LimitedSample Sample(double read, double wall, double? kv = null)
    {
        double[] stages = new double[KernelClock.Stages];
        stages[(int)Stage.Experts] = wall / 4;
        var step = new BenchStep(wall, stages, new RowCount(8, 8, 8, 8, 8), 64, new StepWork(1e9, 1, 1));
        return new LimitedSample(new BenchSample([step], kv), Limits(read));
    }

    private static BenchReport Report(double speed, double fraction)
    {
        var result = new BenchResult("decode", 1, 1, speed, 1, "read bandwidth", fraction, fraction, 8, 1, 1, 1, 0, new Dictionary<string, double>(), 1);
        var machine = new MachineReport(Limits(1), Limits(1), Limits(1), 1, 1, 1);
        return new BenchReport(BenchReport.CurrentSchema, machine, "m", "w8a8", "avx512", 1, 1, 1, 1, [result], []);
    }
}
