using System.Collections.Immutable;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>The nodes as the coordinator's node sees them at one moment, by node id.</summary>
/// <param name="NowUnixMs">Of the coordinator's clock.</param>
/// <param name="RunningMs">Since this coordinator began.</param>
public sealed record ClusterFacts(IReadOnlyList<KnownNode> Nodes, Manifest Manifest, long NowUnixMs, long RunningMs)
{
    private readonly Dictionary<string, KnownNode> _byId = ById(Nodes);

    public int Groups => Manifest.Shape.Groups;

    /// <summary>The live one, should a process have come back under the id of one that is not removed yet; null: no member.</summary>
    public KnownNode? Find(string nodeId) => _byId.GetValueOrDefault(nodeId);

    public bool IsMember(string nodeId) => _byId.ContainsKey(nodeId);

    public bool IsAlive(string nodeId) => Find(nodeId) is { Alive: true };

    /// <summary>Nodes that compute this model's groups, whatever their duty.</summary>
    public IEnumerable<KnownNode> Experts => _byId.Values.Where(n => ClusterKnowledge.IsExpert(n, Manifest));

    /// <summary>What the incarnation's node says of it; null while it says nothing.</summary>
    public OwnedGroup? Report(GroupIncarnation i) =>
        Find(i.NodeId) is { Alive: true, State: { } s } ? s.Groups.FirstOrDefault(g => g.Group == i.Group && g.Incarnation == i.Number) : null;

    public bool IsReady(GroupIncarnation i) => Report(i) is { State: OwnedGroupState.Ready };

    /// <summary>Somebody says that its process is gone or hangs.</summary>
    public bool IsSuspected(string nodeId) => Nodes.Any(n => n.Alive && n.State?.Suspects.Any(s => s.NodeId == nodeId) == true);

    public ImmutableArray<PlanNode> PlanNodes(PlacementTable table) =>
    [
        .. Experts.Select(n => new PlanNode(
            n.State!.NodeId, n.State.MaxGroups, n.IsLeaving ? NodeDuty.Drains : table.DutyOf(n.State.NodeId), [.. n.State.Files])
        {
            Avoids = [.. table.Avoided.Where(a => a.NodeId == n.State.NodeId && a.UntilUnixMs > NowUnixMs).Select(a => a.Group)],
        }),
    ];

    private static Dictionary<string, KnownNode> ById(IReadOnlyList<KnownNode> nodes)
    {
        var byId = new Dictionary<string, KnownNode>(StringComparer.Ordinal);
        foreach (var node in nodes)
            if (node.State is { } s && !(byId.TryGetValue(s.NodeId, out var other) && other.Alive && !node.Alive))
                byId[s.NodeId] = node;
        return byId;
    }
}
