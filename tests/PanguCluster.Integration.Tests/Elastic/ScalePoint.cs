using Pangu.V1;
using Duty = Pangu.V1.Node.Types.Duty;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>A moment in a scale operation at which a fault strikes, as an operator's view of the cluster shows it.</summary>
/// <param name="From">Nodes before.</param>
/// <param name="To">Nodes the operation is to bring about.</param>
/// <param name="Find">Given the view and the ids of the nodes there were before: the node to strike, or null while the cluster is not there yet.</param>
internal sealed record ScalePoint(string Name, int From, int To, Func<ClusterState, IReadOnlySet<string>, string?> Find)
{
    private static readonly string[] Opening = ["Starting", "Warming"];

    public static IReadOnlyList<ScalePoint> All { get; } =
    [
        new("joining node killed, warming", 3, 4, (s, before) => Coming(s, before).FirstOrDefault(n => Has(s, n, Opening))),
        new("joining node killed, ready", 3, 4, (s, before) => Coming(s, before).FirstOrDefault(n => Has(s, n, "Ready"))),
        new("old owner killed, before the flip", 3, 4, (s, before) => Coming(s, before).SelectMany(n => Others(s, n, Opening, "Ready")).FirstOrDefault()),
        new("old owner killed, after the flip", 3, 4, (s, before) => Coming(s, before).SelectMany(n => Others(s, n, ["Ready"], "Draining")).FirstOrDefault()),
        new("coordinator killed, scaling out", 3, 4, (s, before) => Coming(s, before).Any() ? s.Coordinator : null),
        new("coordinator killed, scaling in", 4, 3, (s, _) => Leaving(s).Any() ? s.Coordinator : null),
        new("drained node killed", 4, 3, (s, _) => Leaving(s).FirstOrDefault()),
    ];

    /// <summary>The second command is issued as soon as a node of the first one comes.</summary>
    public static ScalePoint Second { get; } = new("second scale", 3, 5, (s, before) => Coming(s, before).FirstOrDefault());

    /// <summary>A node that has been started for the operation gets a group's file from another.</summary>
    public static ScalePoint Fetching { get; } =
        new("joining node killed, fetching", 3, 4, (s, before) => Coming(s, before).FirstOrDefault(n => Has(s, n, "Fetching")));

    private static IEnumerable<string> Coming(ClusterState state, IReadOnlySet<string> before) =>
        state.Nodes.Select(n => n.Id).Where(id => id.Length > 0 && !before.Contains(id));

    private static IEnumerable<string> Leaving(ClusterState state) => state.Nodes.Where(n => n.Duty == Duty.Drains).Select(n => n.Id);

    private static bool Has(ClusterState state, string node, params string[] states) =>
        state.Groups.SelectMany(g => g.Replicas).Any(r => r.NodeId == node && states.Contains(r.State));

    /// <summary>Other owners, in one state, of groups that a node has in another.</summary>
    private static IEnumerable<string> Others(ClusterState state, string node, string[] here, string there) => state.Groups
        .Where(g => g.Replicas.Any(r => r.NodeId == node && here.Contains(r.State)))
        .SelectMany(g => g.Replicas.Where(r => r.NodeId != node && r.State == there)).Select(r => r.NodeId);
}
