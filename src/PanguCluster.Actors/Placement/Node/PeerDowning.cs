namespace PanguCluster.Actors.Placement.Node;

/// <summary>
/// Whose process is gone for certain: two nodes lost their connection to it and cannot get another. It is downed without waiting for the split-brain resolver,
/// whose clock is a second. A silent node is never downed so: it may be on the other side of a partition, and that is the resolver's to judge. Pure.
/// </summary>
internal static class PeerDowning
{
    public const int Witnesses = 2;

    /// <summary>Akka addresses to be downed by this node; one node does it, the first of those that nobody suspects.</summary>
    public static IReadOnlyList<string> Wanted(IReadOnlyList<KnownNode> nodes)
    {
        var suspects = nodes.Where(n => n is { Alive: true, State: { } }).SelectMany(n => n.State!.Suspects.Select(s => (Witness: n.State!.NodeId, s.NodeId, s.Reset))).ToArray();
        var doubted = suspects.Select(s => s.NodeId).ToHashSet();
        if (nodes.Where(n => n is { Alive: true, State: { } } && !doubted.Contains(n.State!.NodeId)).MinBy(n => n.Address, StringComparer.Ordinal) is not { Self: true })
            return [];
        return
        [
            .. nodes.Where(n => !n.Self && n.State is { } s
                    && suspects.Where(w => w.NodeId == s.NodeId && w.Reset && !doubted.Contains(w.Witness)).Select(w => w.Witness).Distinct().Count() >= Witnesses)
                .Select(n => n.Address),
        ];
    }
}
