using System.Collections.Immutable;
using Akka.Actor;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using PanguCluster.Actors.Experts;
using Xunit;

namespace PanguCluster.Actors.Tests.Experts;

public sealed class GroupAllocationTests
{
    private static NodeGroups[] Nodes(params int[] counts)
    {
        int next = 0;
        return [.. counts.Select((c, i) => new NodeGroups($"node{i:00}", [.. Enumerable.Range(0, c).Select(_ => GroupSharding.Id(next++))]))];
    }

    /// <summary>1 to 8 nodes with 0 to 8 groups each.</summary>
    private static Arbitrary<int[]> Counts => Gen.Choose(0, 8).NonEmptyListOf().Select(l => l.Take(8).ToArray()).ToArbitrary();

    private static int[] After(NodeGroups[] nodes, IReadOnlyList<string> moves)
    {
        var now = nodes.Select(n => n with { Groups = [.. n.Groups.Except(moves)] }).ToArray();
        foreach (string group in moves)
        {
            int to = GroupAllocation.Choose(now);
            now[to] = now[to] with { Groups = [.. now[to].Groups, group] };
        }
        return [.. now.Select(n => n.Groups.Count)];
    }

    [Property]
    public Property Moves_should_leave_no_two_nodes_more_than_one_group_apart() => Prop.ForAll(Counts, counts =>
    {
        var after = After(Nodes(counts), GroupAllocation.Moves(Nodes(counts)));
        return after.Max() - after.Min() <= 1 && after.Sum() == counts.Sum();
    });

    [Property]
    public Property Moves_should_be_the_fewest_there_can_be() => Prop.ForAll(Counts, counts =>
    {
        int total = counts.Sum(), floor = total / counts.Length, extra = total % counts.Length;
        // Whatever the choice of nodes that keep one more, what stays cannot exceed the quotas of the fullest nodes.
        int[] order = [.. counts.OrderDescending()];
        int stay = order.Select((c, i) => Math.Min(c, i < extra ? floor + 1 : floor)).Sum();
        bool balanced = counts.Max() - counts.Min() <= 1;
        return GroupAllocation.Moves(Nodes(counts)).Count == (balanced ? 0 : total - stay);
    });

    [Property]
    public Property Moves_should_come_to_rest_after_one_round() => Prop.ForAll(Counts, counts =>
        GroupAllocation.Moves(Nodes(After(Nodes(counts), GroupAllocation.Moves(Nodes(counts))))).Count == 0);

    [Fact]
    public void Choose_should_give_three_three_two_when_eight_groups_meet_three_nodes()
    {
        var nodes = Nodes(0, 0, 0);
        for (int g = 0; g < 8; g++)
        {
            int to = GroupAllocation.Choose(nodes);
            nodes[to] = nodes[to] with { Groups = [.. nodes[to].Groups, GroupSharding.Id(g)] };
        }
        Assert.Equal([3, 3, 2], nodes.Select(n => n.Groups.Count));
    }

    [Fact]
    public void Choose_should_take_the_lower_address_when_counts_are_equal() =>
        Assert.Equal(1, GroupAllocation.Choose([new NodeGroups("b", ["1"]), new NodeGroups("a", ["2"])]));

    [Fact]
    public async Task Strategy_should_wait_for_the_expected_nodes_but_not_for_ever()
    {
        var time = new ManualTime();
        var strategy = new GroupAllocationStrategy(Address.Parse("akka.tcp://pangu@a:1"), 2, TimeSpan.FromSeconds(5), time);
        var regions = new TestKitRegions();
        var one = regions.Of(1);

        Assert.Null(await strategy.AllocateShard(one.Keys.First(), "0", one));
        Assert.NotNull(await strategy.AllocateShard(one.Keys.First(), "0", regions.Of(2)));
        // A shard is placed: a later coordinator must go on with what is left.
        var surviving = one.ToImmutableDictionary(r => r.Key, _ => (IImmutableList<string>)ImmutableList.Create("3"));
        Assert.NotNull(await strategy.AllocateShard(one.Keys.First(), "0", surviving));
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.NotNull(await strategy.AllocateShard(one.Keys.First(), "0", one));
        regions.Dispose();
    }

    private sealed class TestKitRegions : IDisposable
    {
        private readonly ActorSystem _system = ActorSystem.Create("regions");

        public IImmutableDictionary<IActorRef, IImmutableList<string>> Of(int n) => Enumerable.Range(0, n).ToImmutableDictionary(
            _ => (IActorRef)_system.ActorOf(Props.Empty), _ => (IImmutableList<string>)ImmutableList<string>.Empty);

        public void Dispose() => _system.Terminate().Wait(TimeSpan.FromSeconds(10));
    }
}
