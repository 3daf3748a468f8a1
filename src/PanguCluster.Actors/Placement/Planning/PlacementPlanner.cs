using System.Collections.Immutable;

namespace PanguCluster.Actors.Placement.Planning;

/// <summary>
/// Where groups should be, and the fewest moves that bring them there. Pure: the same nodes and replicas, in any order, give the same plan, and a plan of its own
/// target has no moves.
/// </summary>
/// <remarks>
/// A minimum-cost flow (source, groups, nodes, sink; Ahuja, Magnanti, Orlin, "Network Flows", chapter 9). What is weighed, each far more than the next: as many
/// replicas as memory allows; no group a second one before every group has its first; equal numbers of groups on the nodes; few moves; few files to fetch.
/// </remarks>
public static class PlacementPlanner
{
    /// <param name="groups">Expert groups of the model, at least 1.</param>
    /// <param name="replicas">Wanted for each group, at least 1; on distinct nodes.</param>
    /// <param name="current">What runs or starts now; replicas on nodes that are not in <paramref name="nodes"/> are gone.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is not positive, a capacity negative, or a group outside the model.</exception>
    public static PlacementPlan Plan(int groups, int replicas, IReadOnlyCollection<PlanNode> nodes, IReadOnlyCollection<GroupReplica> current)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(groups);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(replicas);
        foreach (var node in nodes)
            ArgumentOutOfRangeException.ThrowIfNegative(node.Capacity, $"capacity of {node.Id}");
        foreach (var replica in current)
            if (replica.Group < 0 || replica.Group >= groups)
                throw new ArgumentOutOfRangeException(nameof(current), replica.Group, $"a model of {groups} groups has no such group");

        var order = nodes.OrderBy(n => n.Id, StringComparer.Ordinal).ToArray();
        var known = order.Select(n => n.Id).ToHashSet(StringComparer.Ordinal);
        var present = current.Where(r => known.Contains(r.NodeId)).ToHashSet();
        var target = Solve(groups, Math.Min(replicas, order.Length), order, present);
        // The last replica stays where it is until there is room for it elsewhere, whatever its node's duty.
        var placed = target.Select(r => r.Group).ToHashSet();
        target.UnionWith(present.Where(r => !placed.Contains(r.Group)));

        var counts = target.GroupBy(r => r.Group).ToDictionary(g => g.Key, g => g.Count());
        return new PlacementPlan(
            Sorted(target),
            Moves(groups, present, target),
            [.. Enumerable.Range(0, groups).Where(g => counts.GetValueOrDefault(g) < replicas)]);
    }

    private static HashSet<GroupReplica> Solve(int groups, int replicas, PlanNode[] nodes, HashSet<GroupReplica> present)
    {
        long units = Math.Max(1, (long)groups * replicas);
        long move = units + 1; // one move outweighs every fetch
        long balance = units * (move + 1) + 1;
        long fairness = balance * units * groups + 1;
        int source = groups + nodes.Length, sink = source + 1;
        var flow = new MinimumCostFlow(sink + 1);
        var arcs = new List<(int Arc, GroupReplica Replica)>();
        for (int g = 0; g < groups; g++)
        {
            for (int k = 0; k < replicas; k++)
                flow.Add(source, g, k * fairness);
            for (int n = 0; n < nodes.Length; n++)
            {
                var replica = new GroupReplica(g, nodes[n].Id);
                bool here = present.Contains(replica);
                if ((nodes[n].Duty == NodeDuty.Serves && !nodes[n].Avoids.Contains(g)) || (nodes[n].Duty == NodeDuty.Cordoned && here))
                    arcs.Add((flow.Add(g, groups + n, here ? 0 : nodes[n].Files.Contains(g) ? move : move + 1), replica));
            }
        }
        // The k-th group of a node costs k: the sum is least when the numbers are equal.
        for (int n = 0; n < nodes.Length; n++)
            for (int k = 0; k < Math.Min(nodes[n].Capacity, groups); k++)
                flow.Add(groups + n, sink, k * balance);
        flow.Solve(source, sink);
        return [.. arcs.Where(a => flow.IsUsed(a.Arc)).Select(a => a.Replica)];
    }

    private static ImmutableArray<GroupMove> Moves(int groups, HashSet<GroupReplica> present, HashSet<GroupReplica> target)
    {
        var moves = ImmutableArray.CreateBuilder<GroupMove>();
        for (int g = 0; g < groups; g++)
        {
            string[] from = [.. Sorted(present.Where(r => r.Group == g && !target.Contains(r))).Select(r => r.NodeId)];
            string[] to = [.. Sorted(target.Where(r => r.Group == g && !present.Contains(r))).Select(r => r.NodeId)];
            for (int i = 0; i < Math.Max(from.Length, to.Length); i++)
                moves.Add(new GroupMove(g, i < from.Length ? from[i] : null, i < to.Length ? to[i] : null));
        }
        return moves.ToImmutable();
    }

    private static ImmutableArray<GroupReplica> Sorted(IEnumerable<GroupReplica> replicas) =>
        [.. replicas.OrderBy(r => r.Group).ThenBy(r => r.NodeId, StringComparer.Ordinal)];
}
