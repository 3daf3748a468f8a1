using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>What still holds a node that is being drained. Pure.</summary>
internal static class NodeEmptying
{
    /// <summary>Incarnations the table has there, and devices the node itself reports.</summary>
    public static int GroupsLeft(PlacementTable table, ClusterFacts facts, string nodeId)
    {
        var reported = facts.Find(nodeId)?.State?.Groups.Select(g => g.Group) ?? [];
        return table.Groups.Where(i => i.NodeId == nodeId).Select(i => i.Group).Union(reported).Count();
    }

    public static int SequencesLeft(ClusterFacts facts, string nodeId) => facts.Find(nodeId)?.State?.Load is { } load ? load.Running + load.Waiting : 0;

    public static bool IsEmpty(PlacementTable table, ClusterFacts facts, string nodeId) =>
        GroupsLeft(table, facts, nodeId) == 0 && SequencesLeft(facts, nodeId) == 0;

    public static string Describe(PlacementTable table, ClusterFacts facts, string nodeId) =>
        $"{GroupsLeft(table, facts, nodeId)} groups and {SequencesLeft(facts, nodeId)} sequences left on {nodeId}";
}
