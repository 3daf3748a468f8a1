using System.Globalization;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Options;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>A bench report in tables, with what was counted said below.</summary>
internal static class BenchTables
{
    private const string Counted =
        "times are medians of interleaved repeats; the machine is probed between any two, and every repeat is set against the probes right before and after it\n"
        + "(of limit), and against the best probes of the run (of best).\n"
        + "limit: bytes = trunk weights once + each distinct chosen expert once + embedding rows + cached keys and values, over the read bandwidth;\n"
        + "operations = two per multiply-add of every matrix (int8 or fp32 rate by format) + router gate and attention (fp32 rate). The slower binds;\n"
        + "a prompt longer than a step counts every step. A model that fits the caches may exceed the bandwidth limit.\n"
        + "outside = share of wall time not in trunk or expert group calls; the stages are shares of it too.";

    /// <summary>Above it, others' work is part of every figure.</summary>
    private const double QuietEnough = 0.05;

    public static void Write(IAnsiConsole console, BenchReport report)
    {
        Machine(console, report.Machine);
        console.WriteLine(
            $"{report.Model}, {report.Format}, KV cache {report.Kv}, {report.Layers} layers, {ByteSize.Format(report.ModelBytes)}, kernels {report.Kernels}, {Show(report.Seconds, "0")} s");
        console.WriteLine();
        Results(console, report.Results);
        Stages(console, report.Results);
        Kv(console, report.Results);
        if (report.AgainstDense is { } dense)
            Dense(console, dense);
        foreach (string skipped in report.Skipped)
            console.WriteLine($"left out for want of time (--budget): {skipped}");
        console.WriteLine(Counted);
        if (report.Comparison is { } comparison)
            Comparison(console, comparison);
    }

    private static void Machine(IAnsiConsole console, MachineReport machine)
    {
        var table = Output.Table("limit of the machine", "threads", "instructions", "read", "int8", "fp32");
        void Row(string name, MachineLimits m) => table.Row(
            name, Show(m.Threads, "0"), m.InstructionSet, Show(m.ReadBytesPerSecond / 1e9, "0.0 GB/s"),
            Show(m.Int8OperationsPerSecond / 1e9, "0 GOP/s"), Show(m.Fp32OperationsPerSecond / 1e9, "0 GFLOP/s"));
        Row("median", machine.Median);
        Row("best", machine.Best);
        Row("median, one thread", machine.OneThread);
        console.Write(table);
        console.WriteLine(
            $"one native call {Show(machine.CrossingNanoseconds, "0.0 ns")}, fork and join {Show(machine.ForkJoinMicroseconds, "0.0 us")}, {machine.Probes} probes");
        if (machine.ForeignCpu is { } foreign)
            console.WriteLine($"other processes took {Percent(foreign)} of the cores meanwhile{(foreign > QuietEnough ? ": too much for figures to rely on" : "")}");
        console.WriteLine();
    }

    private static void Results(IAnsiConsole console, IReadOnlyList<BenchResult> results)
    {
        var table = Output.Table(
            "phase", "size", "time", "tokens/s", "limit tokens/s", "bound by", "of limit", "of best", "experts/layer", "read", "operations", "outside", "repeats");
        foreach (var r in results)
            table.Row(
                r.Phase, Show(r.Size, "0"), Show(r.StepMilliseconds, "0.00 ms"), Show(r.TokensPerSecond, "0.0"), Show(r.LimitTokensPerSecond, "0.0"),
                r.Limit, Percent(r.Fraction), Percent(r.FractionOfBest), Show(r.DistinctExperts, "0.0"), ByteSize.Format((long)r.Bytes),
                Show(r.Operations / 1e9, "0.0 G"), Percent(r.OutsideKernels), Show(r.Repeats, "0"));
        console.Write(table);
        console.WriteLine();
    }

    private static void Stages(IAnsiConsole console, IReadOnlyList<BenchResult> results)
    {
        string[] stages = [.. results.SelectMany(r => r.Stages.Keys).Distinct()];
        var table = Output.Table(["phase", "size", .. stages, "outside"]);
        foreach (var r in results)
            table.Row([r.Phase, Show(r.Size, "0"), .. stages.Select(s => Percent(r.Stages[s])), Percent(r.OutsideKernels)]);
        console.Write(table);
        console.WriteLine();
    }

    private static void Kv(IAnsiConsole console, IReadOnlyList<BenchResult> results)
    {
        foreach (var r in results)
            if (r.Kv is { } kv)
            {
                console.WriteLine(
                    $"attention over {r.Size} positions: {ByteSize.Format((long)kv.Bytes)} of keys and values add {Show(kv.Milliseconds, "0.00 ms")} to a step: "
                    + $"{Show(kv.BytesPerSecond / 1e9, "0.0 GB/s")}, {Percent(kv.Fraction)} of read bandwidth");
                console.WriteLine();
            }
    }

    private static void Dense(IAnsiConsole console, DenseReport dense)
    {
        console.WriteLine($"against {dense.Model}, {ByteSize.Format(dense.ModelBytes)}, all parameters active:");
        console.WriteLine();
        Results(console, dense.Results);
        var table = Output.Table("phase", "size", "sparse over dense");
        foreach (var r in dense.Ratios)
            table.Row(r.Phase, Show(r.Size, "0"), Show(r.Ratio, "0.00x"));
        console.Write(table);
        console.WriteLine();
    }

    private static void Comparison(IAnsiConsole console, BenchComparison comparison)
    {
        console.WriteLine();
        console.WriteLine($"against {comparison.Earlier}, changes of more than {Percent(comparison.Tolerance)} of both speed and fraction of the limit:");
        console.WriteLine();
        var table = Output.Table("phase", "size", "tokens/s then", "now", "speed", "of limit", "verdict");
        foreach (var r in comparison.Results)
            table.Row(
                r.Phase, Show(r.Size, "0"), Show(r.Before, "0.0"), Show(r.Now, "0.0"), Show(r.Speed, "0.00x"), Show(r.Fraction, "0.00x"),
                r.Verdict == "slower" ? "SLOWER" : r.Verdict);
        console.Write(table);
        foreach (string difference in comparison.Differences)
            console.WriteLine($"not of like with like: {difference}");
        foreach (string missing in comparison.Missing)
            console.WriteLine($"not measured now: {missing}");
    }

    private static string Show(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Percent(double value) => Show(value * 100, "0.0") + " %";
}
