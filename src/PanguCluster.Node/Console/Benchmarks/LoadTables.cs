using System.Globalization;
using PanguCluster.Node.Bench;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>A load test in tables.</summary>
internal static class LoadTables
{
    public static void Write(IAnsiConsole console, LoadReport report)
    {
        var plan = report.Plan;
        console.WriteLine(
            $"{report.Model} at {string.Join(", ", report.Servers)}: {plan.Clients} clients, {plan.Requests} requests, prompts of {plan.PromptTokens}, answers of at most {plan.MaxTokens} tokens");
        console.WriteLine(
            $"{report.Completed} of {plan.Requests} completed in {Show(report.Seconds, "0.0")} s: {Show(report.TokensPerSecond, "0.0")} tokens/s, "
            + $"{Show(report.RequestsPerSecond, "0.00")} requests/s, {report.GeneratedTokens} tokens generated, {report.PromptTokens} of prompts");
        console.WriteLine();
        var table = Output.Table("milliseconds", "count", "mean", "p50", "p90", "p99", "max");
        Row(table, "to the first token", report.Ttft);
        Row(table, "per token after it", report.Tpot);
        Row(table, "between two tokens", report.Itl);
        Row(table, "whole answer", report.Latency);
        console.Write(table);
        foreach (var (kind, count) in report.Errors)
            console.WriteLine($"failed {count} times: {kind}: {report.FirstErrors[kind]}");
    }

    private static void Row(Table table, string name, LatencySummary s) => table.Row(
        name, Show(s.Count, "0"), Show(s.Mean, "0.00"), Show(s.P50, "0.00"), Show(s.P90, "0.00"), Show(s.P99, "0.00"), Show(s.Max, "0.00"));

    private static string Show(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
