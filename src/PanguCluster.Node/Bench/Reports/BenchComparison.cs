using System.Text.Json;

namespace PanguCluster.Node.Bench;

/// <summary>One situation now and in an earlier run.</summary>
/// <param name="Speed">Tokens per second now over then.</param>
/// <param name="Fraction">Fraction of the limit now over then: what is left of <paramref name="Speed"/> when the machine's own drift is taken out.</param>
/// <param name="Verdict">"slower", "faster" or "same".</param>
public sealed record ComparedResult(string Phase, int Size, double Before, double Now, double Speed, double Fraction, string Verdict);

/// <summary>A run against an earlier one.</summary>
/// <param name="Differences">What else differs between the runs, so that the ratios are not of like with like; empty for a fair comparison.</param>
/// <param name="Missing">Situations of the earlier run that this one did not measure.</param>
public sealed record BenchComparison(
    string Earlier, double Tolerance, IReadOnlyList<string> Differences, IReadOnlyList<ComparedResult> Results, IReadOnlyList<string> Missing)
{
    /// <summary>
    /// Slower counts only if the speed and the fraction of the limit both fell by more than the tolerance: the first alone may be a slow
    /// phase of the host, the second alone a fast one.
    /// </summary>
    public static BenchComparison Of(string name, BenchReport earlier, BenchReport now, double tolerance)
    {
        var before = earlier.Results.ToDictionary(r => (r.Phase, r.Size));
        var results = now.Results.Where(r => before.ContainsKey((r.Phase, r.Size)))
            .Select(r => Compare(before[(r.Phase, r.Size)], r, tolerance)).ToArray();
        var measured = now.Results.Select(r => (r.Phase, r.Size)).ToHashSet();
        return new BenchComparison(
            name, tolerance, [.. DifferencesOf(earlier, now)], results,
            [.. before.Keys.Where(k => !measured.Contains(k)).Select(k => $"{k.Phase} {k.Size}")]);
    }

    /// <summary>Reads what <c>--out</c> wrote.</summary>
    /// <exception cref="FormatException">It is no report, or one of another schema.</exception>
    public static BenchReport Read(string json)
    {
        BenchReport? report;
        try
        {
            report = JsonSerializer.Deserialize<BenchReport>(json, BenchJson.Options);
        }
        catch (JsonException broken)
        {
            throw new FormatException($"it is no report of 'pangu bench --out': {broken.Message}", broken);
        }
        if (report is null || report.Schema != BenchReport.CurrentSchema)
            throw new FormatException($"it is a report of schema {report?.Schema ?? 0}; this version compares schema {BenchReport.CurrentSchema}");
        if (report.Results is null || report.Machine?.Median is null)
            throw new FormatException("it is no whole report of 'pangu bench --out'");
        return report;
    }

    private static ComparedResult Compare(BenchResult before, BenchResult now, double tolerance)
    {
        double speed = now.TokensPerSecond / before.TokensPerSecond, fraction = now.Fraction / before.Fraction;
        string verdict = speed < 1 - tolerance && fraction < 1 - tolerance ? "slower"
            : speed > 1 + tolerance && fraction > 1 + tolerance ? "faster" : "same";
        return new ComparedResult(now.Phase, now.Size, before.TokensPerSecond, now.TokensPerSecond, speed, fraction, verdict);
    }

    private static IEnumerable<string> DifferencesOf(BenchReport earlier, BenchReport now)
    {
        (string Name, object Before, object Now)[] fields =
        [
            ("model", earlier.Model, now.Model), ("format", earlier.Format, now.Format),
            ("kv", earlier.Kv ?? now.Kv ?? "", now.Kv ?? ""), ("kernels", earlier.Kernels, now.Kernels),
            ("layers", earlier.Layers, now.Layers), ("threads", earlier.Machine.Median.Threads, now.Machine.Median.Threads),
        ];
        return fields.Where(f => !f.Before.Equals(f.Now)).Select(f => $"{f.Name} {f.Before} then, {f.Now} now");
    }
}
