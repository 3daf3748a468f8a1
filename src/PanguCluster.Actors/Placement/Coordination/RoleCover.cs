namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>Which nodes the others can do without, by what they alone can do. Pure.</summary>
internal static class RoleCover
{
    private static readonly string[] Needed = [NodeRoles.Expert, NodeRoles.Decoder, NodeRoles.Gateway];

    /// <summary>A role that some of the nodes have that go and none of those that stay; null: there is none.</summary>
    public static string? Lost(ClusterFacts facts, IReadOnlyCollection<string> go, IReadOnlyCollection<string> stay) =>
        Needed.FirstOrDefault(role => go.Any(n => Has(facts, n, role)) && !stay.Any(n => Has(facts, n, role)));

    /// <summary>The first nodes, in their order, that can all go without a role being lost.</summary>
    /// <param name="ordered">All nodes that are there.</param>
    public static IReadOnlyList<string> Dispensable(ClusterFacts facts, IReadOnlyCollection<string> ordered, int count)
    {
        var go = new List<string>();
        foreach (string node in ordered)
            if (go.Count < count && Lost(facts, [node], [.. ordered.Except(go).Where(n => n != node)]) is null)
                go.Add(node);
        return go;
    }

    /// <summary>A decoder that does not run is none.</summary>
    private static bool Has(ClusterFacts facts, string node, string role) =>
        facts.Find(node) is { State: { } s } known && (role == NodeRoles.Decoder ? s.Decoder.Length > 0 : known.Roles.Contains(role));
}
