using System.Collections.Immutable;
using FsCheck;
using FsCheck.Xunit;
using PanguCluster.Actors.Placement.Planning;
using Xunit;

namespace PanguCluster.Actors.Tests.Placement.Planning;

public sealed class PlacementPlannerTests
{
    /// <summary>A cluster of any kind: few nodes, any duty and memory, groups on some of them.</summary>
    private sealed record Case(int Groups, int Replicas, PlanNode[] Nodes, GroupReplica[] Current)
    {
        public static Case Of(int seed, int mostGroups = 16, int mostNodes = 8)
        {
            var random = new Random(seed);
            int groups = random.Next(1, mostGroups + 1);
            var nodes = Enumerable.Range(0, random.Next(0, mostNodes + 1))
                .Select(n => new PlanNode(
                    $"n{n}", random.Next(0, groups + 2), (NodeDuty)Math.Max(0, random.Next(-3, 3)),
                    [.. Enumerable.Range(0, groups).Where(_ => random.Next(2) == 0)]))
                .ToArray();
            var current = nodes.SelectMany(n => Enumerable.Range(0, groups).Where(_ => random.Next(4) == 0).Take(n.Capacity).Select(g => new GroupReplica(g, n.Id)))
                .Append(new GroupReplica(0, "gone")).ToArray();
            return new Case(groups, random.Next(1, 4), nodes, current);
        }

        public PlacementPlan Plan() => PlacementPlanner.Plan(Groups, Replicas, Nodes, Current);

        public PlanNode Node(string id) => Nodes.Single(n => n.Id == id);
    }

    /// <summary>How good a target is; the earlier number decides. A second way to say what the planner's costs say.</summary>
    private static (int Missing, int Unfair, int Unequal, int Moves) Judge(Case c, IReadOnlyCollection<GroupReplica> target)
    {
        int[] byGroup = [.. Enumerable.Range(0, c.Groups).Select(g => target.Count(r => r.Group == g))];
        return (-target.Count, byGroup.Sum(n => n * n), c.Nodes.Sum(n => Square(target.Count(r => r.NodeId == n.Id))), target.Count(r => !c.Current.Contains(r)));
    }

    private static int Square(int n) => n * n;

    [Property(MaxTest = 400)]
    public void Plan_should_be_the_best_of_all_when_all_are_tried(int seed)
    {
        var c = Case.Of(seed, mostGroups: 3, mostNodes: 3);
        var slots = c.Nodes.SelectMany(n => Enumerable.Range(0, c.Groups).Select(g => new GroupReplica(g, n.Id)))
            .Where(r => c.Node(r.NodeId).Duty == NodeDuty.Serves || (c.Node(r.NodeId).Duty == NodeDuty.Cordoned && c.Current.Contains(r))).ToArray();
        var best = Enumerable.Range(0, 1 << slots.Length)
            .Select(mask => slots.Where((_, i) => (mask >> i & 1) != 0).ToArray())
            .Where(t => c.Nodes.All(n => t.Count(r => r.NodeId == n.Id) <= n.Capacity) && t.GroupBy(r => r.Group).All(g => g.Count() <= c.Replicas))
            .Min(t => Judge(c, t));

        var plan = c.Plan();

        Assert.Equal(best, Judge(c, [.. plan.Target.Where(slots.Contains)]));
    }

    [Property(MaxTest = 400)]
    public void Plan_should_keep_memory_duties_and_distinct_nodes(int seed)
    {
        var c = Case.Of(seed);

        var plan = c.Plan();

        Assert.Equal(plan.Target.Length, plan.Target.Distinct().Count());
        foreach (var node in c.Nodes)
        {
            var taken = plan.Target.Where(r => r.NodeId == node.Id && !c.Current.Contains(r)).ToArray();
            Assert.True(plan.Target.Count(r => r.NodeId == node.Id) <= Math.Max(node.Capacity, c.Current.Count(r => r.NodeId == node.Id)));
            if (node.Duty != NodeDuty.Serves)
                Assert.Empty(taken);
        }
    }

    [Property(MaxTest = 400)]
    public void Plan_should_never_lose_the_last_replica(int seed)
    {
        var c = Case.Of(seed);

        var plan = c.Plan();

        foreach (var had in c.Current.Where(r => r.NodeId != "gone"))
            Assert.Contains(plan.Target, r => r.Group == had.Group);
        foreach (int group in Enumerable.Range(0, c.Groups))
            Assert.Equal(plan.Target.Count(r => r.Group == group) < c.Replicas, plan.Short.Contains(group));
    }

    [Property(MaxTest = 400)]
    public void Moves_should_lead_from_what_is_to_the_target_and_a_plan_of_it_should_be_still(int seed)
    {
        var c = Case.Of(seed);
        var plan = c.Plan();

        var after = c.Current.Where(r => r.NodeId != "gone").ToHashSet();
        foreach (var move in plan.Moves)
        {
            if (move.To is { } to)
                Assert.True(after.Add(new GroupReplica(move.Group, to)));
            if (move.From is { } from)
                Assert.True(after.Remove(new GroupReplica(move.Group, from)));
        }

        Assert.Equal(plan.Target.ToHashSet(), after);
        var again = PlacementPlanner.Plan(c.Groups, c.Replicas, c.Nodes, plan.Target);
        Assert.Empty(again.Moves);
        Assert.Equal(plan.Target, again.Target);
    }

    [Property(MaxTest = 200)]
    public void Plan_should_not_depend_on_the_order_of_what_it_is_told(int seed)
    {
        var c = Case.Of(seed);

        var other = PlacementPlanner.Plan(c.Groups, c.Replicas, [.. c.Nodes.Reverse()], [.. c.Current.Reverse()]);

        Assert.Equal(c.Plan().Target, other.Target);
        Assert.Equal(c.Plan().Moves, other.Moves);
    }

    [Fact]
    public void New_node_should_take_its_share_and_nothing_else_should_move()
    {
        var nodes = Enumerable.Range(0, 3).Select(n => new PlanNode($"n{n}", 8, NodeDuty.Serves, [])).ToArray();
        var two = PlacementPlanner.Plan(8, 2, nodes[..2], []);
        Assert.Equal(16, two.Target.Length);

        var three = PlacementPlanner.Plan(8, 2, nodes, two.Target);

        Assert.Equal(5, three.Moves.Length);
        Assert.All(three.Moves, m => Assert.True(m is { From: not null, To: "n2" }));
        Assert.Empty(three.Short);
    }

    [Fact]
    public void Node_that_has_the_file_should_be_preferred()
    {
        PlanNode[] nodes = [new("a", 4, NodeDuty.Serves, []), new("b", 4, NodeDuty.Serves, [0])];

        Assert.Equal([new GroupMove(0, null, "b")], PlacementPlanner.Plan(1, 1, nodes, []).Moves.AsEnumerable());
    }

    [Fact]
    public void Draining_node_should_keep_the_last_replica_when_there_is_no_room()
    {
        PlanNode[] nodes = [new("a", 1, NodeDuty.Drains, [0]), new("b", 0, NodeDuty.Serves, [])];

        var plan = PlacementPlanner.Plan(1, 1, nodes, [new GroupReplica(0, "a")]);

        Assert.Empty(plan.Moves);
        Assert.Equal([new GroupReplica(0, "a")], plan.Target.AsEnumerable());
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(1, 0, 0)]
    [InlineData(1, 1, 1)]
    public void Numbers_outside_the_model_should_be_refused(int groups, int replicas, int group) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PlacementPlanner.Plan(groups, replicas, [], [new GroupReplica(group, "a")]));
}
