namespace PanguCluster.Actors.Experts;

/// <summary>One expert node in the eyes of the allocation: where it is and what it has.</summary>
public readonly record struct NodeGroups(string Address, IReadOnlyList<string> Groups);

/// <summary>Where groups go: pure, so that its properties can be tested without a cluster.</summary>
public static class GroupAllocation
{
    /// <summary>The node with the fewest groups, ties to the lower address. -1 without nodes.</summary>
    public static int Choose(IReadOnlyList<NodeGroups> nodes)
    {
        int best = -1;
        for (int i = 0; i < nodes.Count; i++)
            if (best < 0 || Compare(nodes[i], nodes[best]) < 0)
                best = i;
        return best;
    }

    /// <summary>
    /// The groups that must move so that no two nodes differ by more than one: the fewest there are. Nodes that have most keep the
    /// extra ones, so no group moves only to swap places.
    /// </summary>
    public static IReadOnlyList<string> Moves(IReadOnlyList<NodeGroups> nodes)
    {
        if (nodes.Count == 0)
            return [];
        int total = nodes.Sum(n => n.Groups.Count);
        if (nodes.Max(n => n.Groups.Count) - nodes.Min(n => n.Groups.Count) <= 1)
            return [];
        int floor = total / nodes.Count;
        int extra = total % nodes.Count;
        var moves = new List<string>();
        var order = nodes.OrderByDescending(n => n.Groups.Count).ThenBy(n => n.Address, StringComparer.Ordinal);
        int rank = 0;
        foreach (var node in order)
        {
            int quota = rank++ < extra ? floor + 1 : floor;
            if (node.Groups.Count > quota)
                moves.AddRange(node.Groups.OrderByDescending(g => int.TryParse(g, out int n) ? n : int.MaxValue).Take(node.Groups.Count - quota));
        }
        return moves;
    }

    private static int Compare(NodeGroups a, NodeGroups b)
    {
        int byCount = a.Groups.Count.CompareTo(b.Groups.Count);
        return byCount != 0 ? byCount : string.CompareOrdinal(a.Address, b.Address);
    }
}
