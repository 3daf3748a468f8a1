using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>What still holds a node that is being drained. Pure.</summary>
internal static class NodeEmptying
{
    /// <summary>
    /// A node's reports after the first that says "nothing left" which have to say the same. The first may be older than the drain, and the one after it older
    /// than a sequence that was sent there by somebody who did not know of the drain yet: the node reports twice a second.
    /// </summary>
    private const int Confirmations = 2;

    /// <summary>Incarnations the table has there, and devices the node itself reports.</summary>
    public static int GroupsLeft(PlacementTable table, ClusterFacts facts, string nodeId)
    {
        var reported = facts.Find(nodeId)?.State?.Groups.Select(g => g.Group) ?? [];
        return table.Groups.Where(i => i.NodeId == nodeId).Select(i => i.Group).Union(reported).Count();
    }

    public static int SequencesLeft(ClusterFacts facts, string nodeId) => facts.Find(nodeId)?.State?.Load is { } load ? load.Running + load.Waiting : 0;

    /// <summary>It has nothing left, and has said so often enough to be believed.</summary>
    public static bool IsEmpty(PlacementTable table, ClusterFacts facts, string nodeId) =>
        HasNothing(table, facts, nodeId) && table.Assignments.FirstOrDefault(a => a.NodeId == nodeId) is { EmptySince: > 0 } drained
        && facts.Find(nodeId)!.State!.Version >= drained.EmptySince + Confirmations;

    /// <summary>Writes down which of the drained nodes have nothing left, and since which of their reports. The same table if nothing has changed.</summary>
    public static PlacementTable Observe(PlacementTable table, ClusterFacts facts)
    {
        foreach (var drained in table.Assignments.Where(a => a is { Duty: NodeDuty.Drains, Leaves: false }))
        {
            long report = HasNothing(table, facts, drained.NodeId) ? facts.Find(drained.NodeId)!.State!.Version : 0;
            // A process that has come back under the id counts its reports from the beginning.
            bool goesOn = drained.EmptySince > 0 && report >= drained.EmptySince;
            if (!goesOn && report != drained.EmptySince)
                table = table with { Assignments = table.Assignments.Replace(drained, drained with { EmptySince = report }), Version = table.Version + 1 };
        }
        return table;
    }

    private static bool HasNothing(PlacementTable table, ClusterFacts facts, string nodeId) =>
        facts.IsMember(nodeId) && GroupsLeft(table, facts, nodeId) == 0 && SequencesLeft(facts, nodeId) == 0;

    public static string Describe(PlacementTable table, ClusterFacts facts, string nodeId) =>
        $"{GroupsLeft(table, facts, nodeId)} groups and {SequencesLeft(facts, nodeId)} sequences left on {nodeId}";
}
