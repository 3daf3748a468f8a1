using System.Globalization;
using Pangu.V1;
using PanguCluster.Node.Options;
using Spectre.Console;
using Wire = Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>The cluster in tables.</summary>
public static class ClusterTables
{
    public static void Summary(IAnsiConsole console, ClusterState cluster)
    {
        int ready = cluster.Groups.Count(g => g.State == "Ready");
        var table = Output.Table("what", "is");
        table.ShowHeaders = false;
        table.Row("model", $"{cluster.Model}  {Short(cluster.ModelDigest)}  numerics {Number(cluster.NumericsVersion)}");
        table.Row("state", cluster.Ready ? "ready" : "not ready");
        table.Row("groups", $"{Number(ready)} of {Number(cluster.Groups.Count)} ready");
        table.Row("imbalance", cluster.ImbalanceScore.ToString("0.######", CultureInfo.InvariantCulture));
        table.Row("journal", cluster.JournalProblem.Length == 0 ? "recording" : "not recording: " + cluster.JournalProblem);
        table.Row("prefix cache", HitRate(cluster.Nodes.Sum(n => n.Load?.PrefixHits ?? 0), cluster.Nodes.Sum(n => n.Load?.PrefixQueries ?? 0)) + " of prompt positions found");
        table.Row("replicas", $"{Number(cluster.WantedReplicas)} wanted of each group");
        table.Row("coordinator", Or(cluster.Coordinator));
        table.Row("placement epoch", Number(cluster.PlacementEpoch));
        table.Row("route epoch", Number(cluster.RouteEpoch));
        table.Row("answered by", cluster.AnsweredBy);
        console.Write(table);
        console.WriteLine();
        Nodes(console, cluster);
        if (!cluster.Operations.Any(o => o.State == Operation.Types.State.Running))
            return;
        console.WriteLine();
        OperatorTables.Operations(console, cluster);
    }

    public static void Nodes(IAnsiConsole console, ClusterState cluster)
    {
        var table = Output.Table("node", "status", "roles", "groups", "grpc", "kernels", "running", "waiting", "free blocks", "tokens", "prefix hits");
        foreach (var node in cluster.Nodes.OrderBy(n => n.Id, StringComparer.Ordinal))
            table.Row(node.Id, StatusOf(node), string.Join(',', node.Roles), Number(node.Groups.Count), Or(node.GrpcAddress), node.Kernels,
                Load(node, l => Number(l.Running)), Load(node, l => Number(l.Waiting)),
                Load(node, l => $"{Number(l.FreeBlocks)}/{Number(l.TotalBlocks)}"), Load(node, l => Number(l.TokensGenerated)),
                Load(node, l => HitRate(l.PrefixHits, l.PrefixQueries)));
        console.Write(table);
        Details(console, cluster);
    }

    public static void Groups(IAnsiConsole console, ClusterState cluster)
    {
        var table = Output.Table("group", "state", "node", "incarnation", "rows", "size", "replicas");
        foreach (var group in cluster.Groups)
            table.Row(Number(group.Group_), group.State, Or(group.NodeId), Number(group.Incarnation), Number(group.Rows), ByteSize.Format(group.Bytes),
                Replicas(group));
        console.Write(table);
        console.WriteLine();
        var owned = cluster.Nodes.Select(n => n.Groups.Count).Where(n => n > 0).OrderDescending();
        console.WriteLine($"groups per node {Or(string.Join('/', owned.Select(n => Number(n))))}, imbalance score "
            + cluster.ImbalanceScore.ToString("0.######", CultureInfo.InvariantCulture));
        Details(console, cluster);
    }

    /// <summary>What is wrong, in full sentences: too long for a column.</summary>
    private static void Details(IAnsiConsole console, ClusterState cluster)
    {
        foreach (var node in cluster.Nodes.Where(n => n.Detail.Length > 0))
            console.WriteLine($"{node.Id}: {node.Detail}");
        foreach (var group in cluster.Groups.Where(g => g.Detail.Length > 0))
            console.WriteLine($"group {Number(group.Group_)}: {group.Detail}");
    }

    /// <summary>Membership, and what an operator or a link says of the node: "Up,cordoned", "Up,draining" while something is left there, "Up,suspected".</summary>
    public static string StatusOf(Wire.Node node) => node.Status + node.Duty switch
    {
        Wire.Node.Types.Duty.Cordoned => ",cordoned",
        Wire.Node.Types.Duty.Drains when node.Groups.Count == 0 && node.Load is null or { Running: 0, Waiting: 0 } => ",drained",
        Wire.Node.Types.Duty.Drains => ",draining",
        _ => "",
    } + (node.Suspected ? ",suspected" : "");

    private static string Replicas(Group group) => Or(string.Join(' ', group.Replicas.Select(r =>
        r.State == "Ready" ? r.NodeId : r.FetchedBytes > 0 && group.Bytes > 0 ? $"{r.NodeId}:{r.State}:{Number(100 * r.FetchedBytes / group.Bytes)}%" : $"{r.NodeId}:{r.State}")));

    private static string Load(Wire.Node node, Func<DecoderLoad, string> show) => node.Load is { } load ? show(load) : "-";

    private static string HitRate(long hits, long queries) =>
        queries == 0 ? "0 %" : (100.0 * hits / queries).ToString("0.#", CultureInfo.InvariantCulture) + " %";

    private static string Or(string text) => text.Length > 0 ? text : "-";

    private static string Short(string digest) => digest.Length > 12 ? digest[..12] : digest;

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
