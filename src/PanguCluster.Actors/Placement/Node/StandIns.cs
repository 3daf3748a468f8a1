using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement.Node;

/// <summary>
/// Which groups this node computes for want of an owner. It waits neither for membership nor for the coordinator: the same rows give the same bits wherever they
/// are computed, so a stand-in too many does no harm. Pure.
/// </summary>
internal static class StandIns
{
    /// <param name="suspected">Node ids whose link to this node is down.</param>
    /// <param name="files">Groups whose file is here.</param>
    /// <param name="served">Groups that have been seen with an owner: before its first one a group only waits for its placement.</param>
    public static IReadOnlySet<int> Wanted(
        IReadOnlyList<KnownNode> nodes, IReadOnlySet<string> suspected, IReadOnlySet<int> files, IReadOnlySet<int> served, Manifest manifest)
    {
        var wanted = new HashSet<int>();
        if (nodes.FirstOrDefault(n => n.Self) is not { State: { } } self || !ClusterKnowledge.IsExpert(self, manifest))
            return wanted;
        foreach (int g in files.Where(served.Contains))
            if (!HasOwner(nodes, suspected, g, manifest) && IsMine(nodes, suspected, self, g, manifest))
                wanted.Add(g);
        return wanted;
    }

    /// <summary>Whether somebody owns the group by the placement table, computes it, and can be reached.</summary>
    public static bool HasOwner(IReadOnlyList<KnownNode> nodes, IReadOnlySet<string> suspected, int group, Manifest manifest) =>
        nodes.Any(n => Usable(n, suspected, manifest) && n.State!.Groups.Any(
            o => o.Group == group && o.Incarnation != OwnedGroup.StandIn && o.State == OwnedGroupState.Ready));

    /// <summary>A decoder stands in for itself, without a word to anybody. For decoders that lack the file, one node does: the first that has it.</summary>
    private static bool IsMine(IReadOnlyList<KnownNode> nodes, IReadOnlySet<string> suspected, KnownNode self, int group, Manifest manifest) =>
        self.Roles.Contains(NodeRoles.Decoder)
        || nodes.Where(n => Usable(n, suspected, manifest) && ClusterKnowledge.IsExpert(n, manifest) && n.State!.Files.Contains(group))
            .MinBy(n => n.Address, StringComparer.Ordinal) is { Self: true };

    private static bool Usable(KnownNode node, IReadOnlySet<string> suspected, Manifest manifest) =>
        ClusterKnowledge.IsRoutable(node, manifest) && !suspected.Contains(node.State!.NodeId);
}
