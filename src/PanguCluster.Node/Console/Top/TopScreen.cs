using System.Globalization;

namespace PanguCluster.Node.Console;

/// <summary>The picture of <c>pangu top</c> as lines that fit a terminal. Pure.</summary>
public static class TopScreen
{
    private const int MostFailures = 4;

    /// <param name="width">Columns; no line is longer.</param>
    /// <param name="height">Most lines; nodes that do not fit are counted.</param>
    public static IReadOnlyList<string> Lines(TopFigures now, int width, int height, string footer)
    {
        var below = Below(now);
        int room = Math.Max(1, height - 3 - below.Count - 1);
        List<string> lines =
        [
            $"pangu top  {now.Model}  {(now.Ready ? "ready" : "NOT READY")}  groups {Number(now.GroupsReady)}/{Number(now.GroupCount)}  "
                + $"{Number(now.TokensPerSecond)} tokens/s  coordinator {(now.Coordinator.Length > 0 ? now.Coordinator : "-")}",
            $"imbalance: devices {Score(now.DeviceImbalance)} (expected 0), nodes {Score(now.NodeImbalance)} (expected {Number(now.ExpectedNodeImbalance)})",
            $"{"NODE",-12} {"STATUS",-11} {"TOK/S",6} {"RUN",4} {"WAIT",4} {"KV%",4} {"GRP",3} {"ROWS/S",7} {"TTFT50/99",11} {"TPOT50/99",9}",
        ];
        bool fits = now.Nodes.Count <= room;
        foreach (var node in now.Nodes.Take(fits ? room : room - 1))
            lines.Add(Row(node));
        if (!fits)
            lines.Add($"... and {Number(now.Nodes.Count - room + 1)} more nodes: make the window higher");
        lines.AddRange(below);
        lines.Add(footer);
        return [.. lines.Take(height).Select(l => l.Length > width ? l[..width] : l)];
    }

    private static List<string> Below(TopFigures now)
    {
        var lines = new List<string> { "" };
        foreach (var operation in now.Operations)
            lines.Add($"OPERATION {operation.Kind} {operation.Subject} ({operation.Id}) {Number(operation.StepsDone)}/{Number(operation.StepsTotal)} {operation.Detail}");
        lines.Add(now.Failures.Count == 0 ? "no failures in the last hour" : "LAST FAILURES (UTC)");
        foreach (var failure in now.Failures.Take(MostFailures))
            lines.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{DateTimeOffset.FromUnixTimeMilliseconds(failure.AtUnixMs):HH:mm:ss} {failure.Kind,-12} {failure.Subject,-12} stall {Ms(failure.StallMs),7} ms  {failure.Detail}"));
        return lines;
    }

    private static string Row(TopNode node) =>
        $"{Cut(node.Id, 12),-12} {Cut(node.Status, 11),-11} {Or(node.TokensPerSecond),6} {Or(node.Running),4} {Or(node.Waiting),4} "
        + $"{Or(node.KvUsed * 100),4} {Number(node.Groups),3} {Short(node.RowsPerSecond),7} {Pair(node.FirstToken),11} {Pair(node.NextToken),9}";

    private static string Pair(TopTimes? times) => times is null ? "-" : times.Count == 0 ? "0" : $"{Ms(times.P50Ms)}/{Ms(times.P99Ms)}";

    private static string Ms(double? ms) => ms is not { } value ? "-" : value.ToString(value < 10 ? "0.#" : "0", CultureInfo.InvariantCulture);

    private static string Or(double? value) => value is { } there ? Number(there) : "-";

    private static string Short(double value) => value < 1e5 ? Number(value) : value.ToString("0,.#k", CultureInfo.InvariantCulture);

    private static string Score(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("0", CultureInfo.InvariantCulture);

    private static string Cut(string text, int length) => text.Length > length ? text[..length] : text;
}
