using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Packing;
using Xunit;

namespace PanguCluster.Actors.Tests.Placement;

public sealed class ClusterKnowledgeTests
{
    private static readonly Manifest Manifest = TestModel.Bf16.Manifest;

    private static KnownNode Node(string id, bool alive = true, bool self = false, string? digest = null, int numerics = 1, params OwnedGroup[] groups) =>
        new(id, alive ? "Up" : "Unreachable", alive, self, ["expert"], new NodeState(
            id, 1, "", "", id + ":1", "host", "managed", "m", digest ?? Manifest.Digest, numerics, groups, "", null, [1, 1, 1, 1, 1, 1, 1, 1], 1, ""));

    private static OwnedGroup Ready(int group, long incarnation = 1) => new(group, incarnation, OwnedGroupState.Ready, "");

    private static RouteTable Routes(params KnownNode[] nodes) => RoutesOf(nodes, RouteTable.Empty(8));

    private static RouteTable RoutesOf(KnownNode[] nodes, RouteTable present, PlacementTable? table = null, params string[] suspected) =>
        PanguCluster.Actors.Placement.Routes.Of(nodes, table ?? PlacementTable.Empty, suspected.ToHashSet(), Manifest, present);

    [Fact]
    public void Routes_should_hold_only_groups_that_are_ready_on_live_nodes_of_the_same_bits()
    {
        var table = Routes(
            Node("a", groups: [Ready(0), new OwnedGroup(1, 1, OwnedGroupState.Starting, "")]), Node("b", alive: false, groups: Ready(2)),
            Node("c", digest: "other", groups: Ready(3)), Node("d", numerics: 2, groups: Ready(4)), Node("e", groups: Ready(5)));

        Assert.Equal([0, 5], Enumerable.Range(0, 8).Where(g => table.Groups[g].First is not null));
        Assert.Equal(["a", "e"], table.Peers.Select(p => p.NodeId));
    }

    private static PlacementTable Table(params (int Group, long Number, string Node, IncarnationPhase Phase)[] groups) =>
        PlacementTable.Empty with { Version = 1, Groups = [.. groups.Select(g => new GroupIncarnation(g.Group, g.Number, g.Node, g.Phase, 0))] };

    private static string Order(RouteTable table, int group) => string.Join(" ", table.Groups[group].InOrder.Select(o => o.NodeId));

    [Fact]
    public void Routes_should_order_owners_by_standing_and_the_own_device_first_among_equals()
    {
        KnownNode[] nodes =
        [
            Node("a", groups: [Ready(0, 1)]), Node("b", groups: [Ready(0, 2)]), Node("c", groups: [Ready(0, 0)]), Node("d", groups: [Ready(0, 4)]),
            Node("e", groups: [Ready(0, 5)]), Node("me", self: true, groups: Ready(0, 6)),
        ];
        var table = Table(
            (0, 1, "a", IncarnationPhase.Draining), (0, 2, "b", IncarnationPhase.Warming), (0, 4, "d", IncarnationPhase.Serving), (0, 5, "e", IncarnationPhase.Serving),
            (0, 6, "me", IncarnationPhase.Serving));
        Assert.Equal("me e b c a d", Order(RoutesOf(nodes, RouteTable.Empty(8), table, "d"), 0));
        Assert.DoesNotContain(Routes(nodes).Peers, p => p.NodeId == "me");
    }

    [Fact]
    public void Routes_should_prefer_warm_owners_elsewhere_to_one_here_that_is_only_mapped()
    {
        KnownNode[] nodes =
        [
            Node("a", groups: Ready(0, 1)), Node("b", groups: Ready(0, 2)), Node("me", self: true, groups: Ready(0, 3) with { Mapped = true }),
        ];
        var table = Table((0, 1, "a", IncarnationPhase.Serving), (0, 2, "b", IncarnationPhase.Warming), (0, 3, "me", IncarnationPhase.Serving));
        Assert.Equal("a me b", Order(RoutesOf(nodes, RouteTable.Empty(8), table), 0));
        var snapshot = ClusterKnowledge.Snapshot(nodes, Manifest, table, RouteTable.Empty(8), new HashSet<string>(), 1);
        Assert.Equal(["Ready", "Warming", "Mapped"], snapshot.Groups[0].Replicas.Select(r => r.State));
    }

    [Fact]
    public void Routes_should_prefer_the_fewest_nodes_so_that_few_get_a_frame()
    {
        KnownNode[] nodes =
        [
            Node("me", self: true), Node("a", groups: [Ready(0, 1), Ready(1, 2)]), Node("b", groups: [Ready(1, 3), Ready(2, 4), Ready(3, 5)]),
            Node("c", groups: [Ready(0, 6), Ready(3, 7)]),
        ];
        var table = Table(
            (0, 1, "a", IncarnationPhase.Serving), (1, 2, "a", IncarnationPhase.Serving), (1, 3, "b", IncarnationPhase.Serving), (2, 4, "b", IncarnationPhase.Serving),
            (3, 5, "b", IncarnationPhase.Serving), (0, 6, "c", IncarnationPhase.Serving), (3, 7, "c", IncarnationPhase.Serving));
        var routes = RoutesOf(nodes, RouteTable.Empty(8), table);
        Assert.Equal(["b", "b", "b"], Enumerable.Range(1, 3).Select(g => routes.Groups[g].First!.NodeId));
        Assert.Equal(2, Enumerable.Range(0, 4).Select(g => routes.Groups[g].First!.NodeId).Distinct().Count());
    }

    [Fact]
    public void Epoch_should_grow_only_when_a_route_or_peer_changes()
    {
        var one = Routes(Node("a", groups: Ready(0)));
        Assert.Equal(1, one.Epoch);
        Assert.Same(one, RoutesOf([Node("a", groups: Ready(0))], one));
        Assert.Equal(2, RoutesOf([Node("a", groups: Ready(0)), Node("b")], one).Epoch);
    }

    [Fact]
    public void Snapshot_should_say_why_a_node_or_group_is_not_used()
    {
        KnownNode[] nodes = [Node("a", groups: new OwnedGroup(0, 4, OwnedGroupState.Failed, "bad digest")), Node("c", digest: "0123456789abcdef")];
        var snapshot = ClusterKnowledge.Snapshot(nodes, Manifest, PlacementTable.Empty, Routes(nodes), new HashSet<string>(), 77);
        Assert.Equal((GroupInfo.Failed, "bad digest", "a"), (snapshot.Groups[0].State, snapshot.Groups[0].Detail, snapshot.Groups[0].NodeId));
        Assert.Equal(GroupInfo.Missing, snapshot.Groups[1].State);
        Assert.Contains("another model (digest 0123456789ab", snapshot.Nodes[1].Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 5, 5, 5 }, 5, 0)]
    [InlineData(new long[] { 6, 5, 3 }, 6, 0.5)]
    [InlineData(new long[] { }, 0, 0)]
    public void Imbalance_should_be_the_spread_over_the_tokens(long[] rows, long tokens, double expected) =>
        Assert.Equal(expected, RowCounters.ImbalanceScore(rows, tokens));

    [Fact]
    public void State_should_merge_to_the_highest_version()
    {
        var old = Node("a").State!;
        var young = old with { Version = 2 };
        Assert.Same(young, old.Merge(young));
        Assert.Same(young, young.Merge(old));
    }
}
