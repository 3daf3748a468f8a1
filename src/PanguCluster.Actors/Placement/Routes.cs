using System.Collections.Immutable;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>From the placement table and what the nodes say to one node's route table. Pure.</summary>
internal static class Routes
{
    /// <summary>How good an owner is: the less, the better.</summary>
    private enum Standing
    {
        Serving,

        /// <summary>Its first rows wait for the disk.</summary>
        Mapped,
        Warming,
        StandIn,
        Ending,

        /// <summary>Its link is down: it may still answer when nobody else does.</summary>
        Suspected,
    }

    private readonly record struct Candidate(Standing Standing, int Node, GroupRoute Route);

    /// <summary>The table that follows from what is known. Its epoch is the present one's, or one more if any route or peer differs.</summary>
    /// <param name="suspected">Node ids whose link to this node is down.</param>
    public static RouteTable Of(
        IReadOnlyList<KnownNode> nodes, PlacementTable table, IReadOnlySet<string> suspected, Manifest manifest, RouteTable present)
    {
        string self = nodes.FirstOrDefault(n => n.Self)?.State?.NodeId ?? "";
        var routable = nodes.Where(n => ClusterKnowledge.IsRoutable(n, manifest))
            .OrderByDescending(n => n.Self).ThenBy(n => Distance(self, n.State!.NodeId)).ThenBy(n => n.Address, StringComparer.Ordinal).ToArray();
        var phases = table.Groups.ToDictionary(i => (i.Group, i.Number), i => i.Phase);
        var candidates = new List<Candidate>[manifest.Shape.Groups];
        for (int g = 0; g < candidates.Length; g++)
            candidates[g] = Candidates(g, routable, phases, suspected);
        int[] first = FewestNodes(candidates, routable.Length);

        var groups = ImmutableArray.CreateBuilder<GroupOwners>(candidates.Length);
        for (int g = 0; g < candidates.Length; g++)
        {
            int preferred = first[g];
            groups.Add(new GroupOwners(
                [.. candidates[g].OrderBy(c => c.Standing).ThenByDescending(c => c.Route.Local).ThenByDescending(c => c.Node == preferred).ThenBy(c => c.Node).Select(c => c.Route)]));
        }
        var peers = routable.Where(n => !n.Self && ClusterKnowledge.HasEndpoint(n.State!)).OrderBy(n => n.Address, StringComparer.Ordinal)
            .Select(n => new PeerNode(n.State!.NodeId, ClusterKnowledge.Endpoints(n.State!)));
        var routes = new RouteTable(present.Epoch, groups.ToImmutable(), [.. peers]);
        return routes.SameRoutes(present) ? present : routes with { Epoch = present.Epoch + 1 };
    }

    private static List<Candidate> Candidates(
        int group, KnownNode[] routable, Dictionary<(int, long), IncarnationPhase> phases, IReadOnlySet<string> suspected)
    {
        var candidates = new List<Candidate>();
        for (int n = 0; n < routable.Length; n++)
        {
            var state = routable[n].State!;
            // A node may have two devices of a group for a moment, a new one beside one that ends: one route to it is enough.
            Standing? best = null;
            long incarnation = 0;
            foreach (var owned in state.Groups)
            {
                if (owned.Group != group || owned.State != OwnedGroupState.Ready)
                    continue;
                var standing = suspected.Contains(state.NodeId) ? Standing.Suspected : StandingOf(owned, phases);
                if (best is null || standing < best)
                    (best, incarnation) = (standing, owned.Incarnation);
            }
            if (best is { } s)
                candidates.Add(new Candidate(s, n, new GroupRoute(state.NodeId, incarnation, routable[n].Self)));
        }
        return candidates;
    }

    private static Standing StandingOf(OwnedGroup owned, Dictionary<(int, long), IncarnationPhase> phases) =>
        owned.Incarnation == OwnedGroup.StandIn ? Standing.StandIn
        : !phases.TryGetValue((owned.Group, owned.Incarnation), out var phase) ? Standing.Ending
        : phase switch
        {
            IncarnationPhase.Serving => owned.Mapped ? Standing.Mapped : Standing.Serving,
            IncarnationPhase.Warming => Standing.Warming,
            _ => Standing.Ending,
        };

    /// <summary>
    /// [group] which of its best remote owners is preferred, so that few nodes get a frame: each frame carries the rows once more. Greedy set cover (Chvatal,
    /// "A greedy heuristic for the set-covering problem", 1979). -1 where none is needed.
    /// </summary>
    private static int[] FewestNodes(List<Candidate>[] candidates, int nodes)
    {
        int[] chosen = new int[candidates.Length];
        Array.Fill(chosen, -1);
        var best = new HashSet<int>[candidates.Length];
        for (int g = 0; g < candidates.Length; g++)
        {
            var least = candidates[g].Count == 0 ? Standing.Suspected : candidates[g].Min(c => c.Standing);
            var equal = candidates[g].Where(c => c.Standing == least).ToArray();
            best[g] = equal.Any(c => c.Route.Local) ? [] : [.. equal.Select(c => c.Node)];
        }
        while (true)
        {
            int[] covers = new int[nodes];
            for (int g = 0; g < best.Length; g++)
                if (chosen[g] < 0)
                    foreach (int n in best[g])
                        covers[n]++;
            int most = nodes == 0 ? 0 : covers.Max();
            if (most == 0)
                return chosen;
            int node = Array.IndexOf(covers, most);
            for (int g = 0; g < best.Length; g++)
                if (chosen[g] < 0 && best[g].Contains(node))
                    chosen[g] = node;
        }
    }

    /// <summary>The order in which this node looks at its peers: another one on every node, so that not all prefer the same, and the same every time.</summary>
    private static uint Distance(string self, string other)
    {
        uint hash = 2166136261; // FNV-1a
        foreach (char c in self)
            hash = (hash ^ c) * 16777619;
        foreach (char c in other)
            hash = (hash ^ c) * 16777619;
        return hash;
    }
}
