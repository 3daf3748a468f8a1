using System.Globalization;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Options;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>A bench report in tables, with what was counted said below.</summary>
internal static class BenchTables
{
    private const string Counted =
        "machine: the best of several probes before, between and after the measurements; times below are medians.\n"
        + "limit: bytes = trunk weights once + each distinct chosen expert once + embedding rows + cached keys and values, over the read bandwidth;\n"
        + "operations = two per multiply-add of every matrix (int8 or fp32 rate by format) + router gate and attention (fp32 rate). The slower binds.\n"
        + "A model that fits the caches may exceed the bandwidth limit. outside = share of wall time not in trunk or expert group calls.";

    public static void Write(IAnsiConsole console, BenchReport report)
    {
        Machine(console, report.Machine);
        Results(console, report);
    }

    private static void Machine(IAnsiConsole console, MachineLimits machine)
    {
        var table = Output.Table("threads", "instructions", "read bandwidth", "int8", "fp32");
        table.Row(
            machine.Threads.ToString(CultureInfo.InvariantCulture), machine.InstructionSet, Show(machine.ReadBytesPerSecond / 1e9, "0.0 GB/s"),
            Show(machine.Int8OperationsPerSecond / 1e9, "0 GOP/s"), Show(machine.Fp32OperationsPerSecond / 1e9, "0 GFLOP/s"));
        console.Write(table);
        console.WriteLine();
    }

    private static void Results(IAnsiConsole console, BenchReport report)
    {
        console.WriteLine(
            $"{report.Model}, {report.Format}, {report.Layers} layers, {ByteSize.Format(report.ModelBytes)}, kernels {report.Kernels}");
        console.WriteLine();
        var table = Output.Table(
            "phase", "rows", "step", "tokens/s", "limit tokens/s", "bound by", "of limit", "experts/layer", "read/step", "outside", "repeats");
        foreach (var r in report.Results)
            table.Row(
                r.Phase, Show(r.Rows, "0"), Show(r.StepMilliseconds, "0.00 ms"), Show(r.TokensPerSecond, "0.0"), Show(r.LimitTokensPerSecond, "0.0"),
                r.Limit, Percent(r.Fraction), Show(r.DistinctExperts, "0.0"), ByteSize.Format((long)r.BytesPerStep), Percent(r.OutsideKernels),
                Show(r.Repeats, "0"));
        console.Write(table);
        console.WriteLine();
        console.WriteLine(Counted);
    }

    private static string Show(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Percent(double value) => Show(value * 100, "0.0") + " %";
}
