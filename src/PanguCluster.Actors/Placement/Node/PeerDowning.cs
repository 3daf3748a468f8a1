using PanguCluster.Actors.Links;

namespace PanguCluster.Actors.Placement.Node;

/// <summary>
/// Whose process is gone for certain: two nodes lost their connection to it and cannot get another, or its own machine says to one on it that nobody listens there.
/// It is downed without waiting for the split-brain resolver, whose clock is seconds, and which of two nodes would give up the one with the greater address, be it
/// the only one that lives. A silent node is never downed so: it may be on the other side of a partition, and that is the resolver's to judge. Pure.
/// </summary>
internal static class PeerDowning
{
    private const int Witnesses = 2;

    private readonly record struct Testimony(NodeState Witness, string NodeId, PeerLoss Loss);

    /// <summary>Akka addresses to be downed by this node; one node does it, the first of those that nobody suspects.</summary>
    public static IReadOnlyList<string> Wanted(IReadOnlyList<KnownNode> nodes)
    {
        var all = nodes.Where(n => n is { Alive: true, State: { } }).SelectMany(n => n.State!.Suspects.Select(s => new Testimony(n.State!, s.NodeId, s.Loss))).ToArray();
        var doubted = all.Select(t => t.NodeId).ToHashSet();
        if (nodes.Where(n => n is { Alive: true, State: { } } && !doubted.Contains(n.State!.NodeId)).MinBy(n => n.Address, StringComparer.Ordinal) is not { Self: true })
            return [];
        return
        [
            .. nodes.Where(n => !n.Self && n.State is { } s
                    && IsGone(s, [.. all.Where(t => t.NodeId == s.NodeId && t.Loss > PeerLoss.Silent && !doubted.Contains(t.Witness.NodeId))]))
                .Select(n => n.Address),
        ];
    }

    /// <summary>A refusal that comes from another machine may be a firewall's: it takes two witnesses like any other.</summary>
    private static bool IsGone(NodeState lost, Testimony[] against) => against.Select(t => t.Witness.NodeId).Distinct().Count() >= Witnesses
        || against.Any(t => t.Loss == PeerLoss.NoListener && lost.HostId.Length > 0 && t.Witness.HostId == lost.HostId);
}
