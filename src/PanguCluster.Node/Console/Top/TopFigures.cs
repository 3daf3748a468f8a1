using System.Text.Json;
using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <param name="TokensPerSecond">Null for a node without a decoder.</param>
/// <param name="KvUsed">Share of the KV blocks that sequences hold, 0 .. 1; null without a decoder.</param>
/// <param name="FirstToken">Of callers of this node in the last minute; null: it was not asked or did not answer.</param>
public sealed record TopNode(
    string Id, string Status, double? TokensPerSecond, int? Running, int? Waiting, double? KvUsed, int Groups, double RowsPerSecond,
    TopTimes? FirstToken, TopTimes? NextToken);

public sealed record TopTimes(long Count, double P50Ms, double P99Ms);

/// <param name="StallMs">How long streams stood still; null where it was not measured.</param>
public sealed record TopFailure(long AtUnixMs, string Kind, string Subject, double? StallMs, string Detail);

public sealed record TopOperation(string Id, string Kind, string Subject, int StepsDone, int StepsTotal, string Detail);

/// <summary>What <c>pangu top</c> shows: the difference of two snapshots. As JSON its names are in snake_case.</summary>
/// <param name="DeviceImbalance">(most rows of a group - fewest) / rows of a group on average, of the interval.</param>
/// <param name="NodeImbalance">The same for nodes: (most rows of a node - fewest) / rows of a group on average.</param>
/// <param name="ExpectedNodeImbalance">What the routes make of it: most groups of a node - fewest. 0 only where the nodes divide the groups.</param>
public sealed record TopFigures(
    long AtUnixMs, double IntervalSeconds, string Model, bool Ready, string Coordinator, int GroupsReady, int GroupCount, double TokensPerSecond,
    double DeviceImbalance, double NodeImbalance, int ExpectedNodeImbalance, IReadOnlyList<TopNode> Nodes, IReadOnlyList<TopOperation> Operations,
    IReadOnlyList<TopFailure> Failures)
{
    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public string ToJson() => JsonSerializer.Serialize(this, Format);

    /// <param name="interval">Between the two snapshots.</param>
    /// <param name="events">Oldest first.</param>
    public static TopFigures Of(
        ClusterState before, ClusterState now, TimeSpan interval, DateTimeOffset at, IEnumerable<LatencyReport> latencies, IEnumerable<ClusterEvent> events)
    {
        double seconds = interval.TotalSeconds;
        var earlier = before.Groups.ToDictionary(g => g.Group_, g => g.Rows);
        var rows = now.Groups.ToDictionary(g => g.Group_, g => Gained(earlier.GetValueOrDefault(g.Group_, g.Rows), g.Rows));
        var reports = latencies.GroupBy(l => l.NodeId).ToDictionary(l => l.Key, l => l.First());
        var nodes = now.Nodes.OrderBy(n => n.Id, StringComparer.Ordinal)
            .Select(n => Node(n, before.Nodes.FirstOrDefault(b => b.Id == n.Id) ?? n, seconds, reports.GetValueOrDefault(n.Id))).ToList();
        double mean = rows.Count == 0 ? 0 : rows.Values.Average();
        var experts = now.Nodes.Where(n => n.Status == "Up" && n.Roles.Contains("expert")).Select(n => n.Id).ToHashSet();
        var computing = nodes.Where(n => experts.Contains(n.Id)).ToList();
        return new TopFigures(
            at.ToUnixTimeMilliseconds(), seconds, now.Model, now.Ready, now.Coordinator, now.Groups.Count(g => g.State == "Ready"), now.Groups.Count,
            nodes.Sum(n => n.TokensPerSecond ?? 0), Spread(rows.Values.Select(r => (double)r), mean),
            Spread(computing.Select(n => n.RowsPerSecond * seconds), mean),
            computing.Count == 0 ? 0 : computing.Max(n => n.Groups) - computing.Min(n => n.Groups), nodes,
            [.. now.Operations.Where(o => o.State == Operation.Types.State.Running).Select(o => new TopOperation(
                o.Id, o.Kind.ToString().ToLowerInvariant(), o.Subject, o.StepsDone, o.StepsTotal, o.Detail))],
            [.. events.Where(IsFailure).Reverse().Select(e => new TopFailure(
                e.AtUnixMs, e.Kind.ToString(), e.Subject, e.HasDurationMs ? e.DurationMs : null, e.Detail))]);
    }

    public static bool IsFailure(ClusterEvent happened) => happened.Kind is ClusterEvent.Types.Kind.Rerouted or ClusterEvent.Types.Kind.StoodIn
        or ClusterEvent.Types.Kind.StreamsMoved or ClusterEvent.Types.Kind.NodeDowned or ClusterEvent.Types.Kind.GroupFailed;

    private static TopNode Node(
        Pangu.V1.Node node, Pangu.V1.Node before, double seconds, LatencyReport? latency)
    {
        var load = node.Load;
        return new TopNode(
            node.Id, ClusterTables.StatusOf(node),
            load is null ? null : Gained(before.Load?.TokensGenerated ?? load.TokensGenerated, load.TokensGenerated) / seconds, load?.Running, load?.Waiting,
            load is null || load.TotalBlocks == 0 ? null : (double)(load.TotalBlocks - load.FreeBlocks) / load.TotalBlocks,
            node.Groups.Count, Gained(before.Rows, node.Rows) / seconds, Times(latency?.FirstToken), Times(latency?.NextToken));
    }

    private static TopTimes? Times(Percentiles? times) => times is null ? null : new TopTimes(times.Count, times.P50Ms, times.P99Ms);

    /// <summary>A counter that went back was started anew.</summary>
    private static long Gained(long before, long now) => Math.Max(0, now - before);

    private static double Spread(IEnumerable<double> values, double mean)
    {
        double[] all = [.. values];
        return all.Length == 0 || mean == 0 ? 0 : (all.Max() - all.Min()) / mean;
    }
}
