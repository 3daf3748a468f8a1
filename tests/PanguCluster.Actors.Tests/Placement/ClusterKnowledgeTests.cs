using PanguCluster.Actors.Placement;
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

    private static RouteTable Routes(params KnownNode[] nodes) => ClusterKnowledge.Routes(nodes, Manifest, RouteTable.Empty(8));

    [Fact]
    public void Routes_should_hold_only_groups_that_are_ready_on_live_nodes_of_the_same_bits()
    {
        var table = Routes(
            Node("a", groups: [Ready(0), new OwnedGroup(1, 1, OwnedGroupState.Starting, "")]), Node("b", alive: false, groups: Ready(2)),
            Node("c", digest: "other", groups: Ready(3)), Node("d", numerics: 2, groups: Ready(4)), Node("e", groups: Ready(5)));

        Assert.Equal([0, 5], Enumerable.Range(0, 8).Where(g => table.Groups[g].First is not null));
        Assert.Equal(["a", "e"], table.Peers.Select(p => p.NodeId));
    }

    [Fact]
    public void Routes_should_prefer_the_own_device_then_the_newer_incarnation_when_two_own_a_group()
    {
        var table = Routes(Node("a", groups: [Ready(0, 9), Ready(1, 5)]), Node("b", self: true, groups: Ready(0, 2)), Node("c", groups: [Ready(0, 99), Ready(1, 7)]));
        Assert.Equal(("b", true), (table.Groups[0].First!.NodeId, table.Groups[0].First!.Local));
        Assert.Equal("c", table.Groups[1].First!.NodeId);
        Assert.DoesNotContain(table.Peers, p => p.NodeId == "b");
    }

    [Fact]
    public void Epoch_should_grow_only_when_a_route_or_peer_changes()
    {
        var one = Routes(Node("a", groups: Ready(0)));
        Assert.Equal(1, one.Epoch);
        Assert.Same(one, ClusterKnowledge.Routes([Node("a", groups: Ready(0))], Manifest, one));
        Assert.Equal(2, ClusterKnowledge.Routes([Node("a", groups: Ready(0)), Node("b")], Manifest, one).Epoch);
    }

    [Fact]
    public void Missing_should_name_the_groups_that_nobody_has_or_opens()
    {
        var starting = new OwnedGroup(2, 1, OwnedGroupState.Starting, "");
        Assert.Equal([1, 3, 4, 5, 6, 7], ClusterKnowledge.Missing([Node("a", groups: [Ready(0), starting]), Node("b", alive: false, groups: Ready(1))], Manifest));
    }

    [Fact]
    public void Keeper_should_be_one_live_expert_node()
    {
        Assert.True(ClusterKnowledge.IsKeeper([Node("a", alive: false), Node("b", self: true), Node("c")], Manifest));
        Assert.False(ClusterKnowledge.IsKeeper([Node("a"), Node("b", self: true)], Manifest));
        Assert.True(ClusterKnowledge.IsKeeper([Node("a", digest: "other"), Node("b", self: true)], Manifest));
    }

    [Fact]
    public void Snapshot_should_say_why_a_node_or_group_is_not_used()
    {
        KnownNode[] nodes = [Node("a", groups: new OwnedGroup(0, 4, OwnedGroupState.Failed, "bad digest")), Node("c", digest: "0123456789abcdef")];
        var snapshot = ClusterKnowledge.Snapshot(nodes, Manifest, Routes(nodes), 77);
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
