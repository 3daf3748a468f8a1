using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Coordination;
using PanguCluster.Actors.Placement.Table;
using Xunit;

namespace PanguCluster.Actors.Tests.Placement.Coordination;

public sealed class ReconcilerTests
{
    private static readonly PlacementRules Rules = new() { Replicas = 2, Patience = TimeSpan.Zero };

    private static SimulatedCluster Cluster(int nodes, int seed = 1, PlacementRules? rules = null)
    {
        var cluster = new SimulatedCluster(new Random(seed), rules ?? Rules);
        for (int i = 1; i <= nodes; i++)
            cluster.Join($"node-{i}");
        return cluster;
    }

    private static void Settle(SimulatedCluster cluster, string what, int turns = 2000)
    {
        for (int i = 0; i < turns; i++)
        {
            cluster.Turn();
            Assert.True(cluster.Violation is null, $"{what}: {cluster.Violation}");
            if (cluster.IsSettled && i > 20)
                return;
        }
        Assert.Fail($"{what}: not settled; {string.Join("; ", cluster.Table.Operations.Where(o => o.IsRunning).Select(o => o.Info))} {string.Join(", ", cluster.Table.Groups)}");
    }

    private static OperationInfo Info(SimulatedCluster cluster, string id) => cluster.Table.Operations.Single(o => o.Info.Id == id).Info;

    [Fact]
    public void Scale_should_go_out_and_in_and_never_lose_the_last_copy()
    {
        var cluster = Cluster(2);
        Settle(cluster, "start");
        Assert.Equal([8, 8], cluster.Spread);
        foreach (var (nodes, spread) in new[] { (4, new[] { 4, 4, 4, 4 }), (8, [2, 2, 2, 2, 2, 2, 2, 2]), (4, [4, 4, 4, 4]), (2, [8, 8]), (1, [8]) })
        {
            var reply = cluster.Send(new ControlCommand.Scale(nodes));
            Assert.True(reply.Accepted, reply.Reason);
            Settle(cluster, $"scale to {nodes}");
            Assert.Equal(OperationState.Done, Info(cluster, reply.OperationId).State);
            Assert.Equal(spread, cluster.Spread);
        }
    }

    [Fact]
    public void Scale_should_keep_the_coordinators_node_to_the_end()
    {
        var cluster = Cluster(3);
        Settle(cluster, "start");
        cluster.Send(new ControlCommand.Scale(1));
        Settle(cluster, "scale in");
        Assert.Equal(["node-1"], cluster.Alive);
    }

    [Fact]
    public void Scale_and_drain_should_keep_a_node_of_every_role()
    {
        var cluster = new SimulatedCluster(new Random(6), Rules);
        cluster.JoinAs("node-1", "expert");
        cluster.JoinAs("node-2", "expert", "decoder");
        cluster.JoinAs("node-3", "expert");
        cluster.JoinAs("node-4", "gateway");
        Settle(cluster, "start");

        var tooFew = cluster.Send(new ControlCommand.Scale(1));
        Assert.False(tooFew.Accepted);
        Assert.Contains("1 nodes cannot have every role", tooFew.Reason, StringComparison.Ordinal);
        Assert.Contains("would leave no gateway", cluster.Send(new ControlCommand.Drain("node-4", TimeSpan.FromMinutes(1))).Reason, StringComparison.Ordinal);
        Assert.Contains("would leave no decoder", cluster.Send(new ControlCommand.Drain("node-2", TimeSpan.FromMinutes(1))).Reason, StringComparison.Ordinal);

        Assert.True(cluster.Send(new ControlCommand.Scale(2)).Accepted);
        Settle(cluster, "scale in");
        Assert.Equal(["node-2", "node-4"], cluster.Alive);
    }

    [Fact]
    public void Scale_should_fail_with_the_reason_when_nodes_never_come()
    {
        var cluster = new SimulatedCluster(new Random(3), Rules) { LostLaunches = 1 };
        cluster.Join("node-1");
        Settle(cluster, "start");
        var reply = cluster.Send(new ControlCommand.Scale(2));
        Settle(cluster, "scale", 20_000);
        Assert.Equal(OperationState.Failed, Info(cluster, reply.OperationId).State);
        Assert.Contains("did not join within 60 s", Info(cluster, reply.OperationId).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Scale_should_take_the_place_of_one_that_runs()
    {
        var cluster = Cluster(2);
        Settle(cluster, "start");
        var first = cluster.Send(new ControlCommand.Scale(6));
        for (int i = 0; i < 4; i++)
            cluster.Turn();
        var second = cluster.Send(new ControlCommand.Scale(3));
        Settle(cluster, "second");
        Assert.Equal(OperationState.Aborted, Info(cluster, first.OperationId).State);
        Assert.Equal(OperationState.Done, Info(cluster, second.OperationId).State);
        Assert.Equal(3, cluster.Alive.Count());
    }

    [Fact]
    public void Drain_should_end_failed_and_the_node_serve_again_when_it_takes_too_long()
    {
        var cluster = Cluster(3);
        Settle(cluster, "start");
        var reply = cluster.Send(new ControlCommand.Drain("node-2", TimeSpan.Zero));
        Settle(cluster, "drain");
        Assert.Equal(OperationState.Failed, Info(cluster, reply.OperationId).State);
        Assert.Equal([5, 5, 6], cluster.Spread);
    }

    [Fact]
    public void Drain_should_refuse_to_lose_what_has_no_room_elsewhere()
    {
        var cluster = new SimulatedCluster(new Random(4), Rules);
        cluster.Join("node-1", 8);
        cluster.Join("node-2", 3);
        Settle(cluster, "start");
        var reply = cluster.Send(new ControlCommand.Drain("node-1", TimeSpan.FromMinutes(1)));
        Assert.False(reply.Accepted);
        Assert.Contains("would lose the last copy of group", reply.Reason, StringComparison.Ordinal);

        var small = new SimulatedCluster(new Random(5), Rules);
        for (int i = 1; i <= 4; i++)
            small.Join($"node-{i}", 3);
        Settle(small, "small");
        Assert.Contains("2 nodes hold 6 groups at most, the model has 8", small.Send(new ControlCommand.Scale(2)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Group_should_go_elsewhere_when_a_node_cannot_open_it()
    {
        var cluster = Cluster(3, rules: Rules with { Replicas = 1 });
        cluster.Break("node-1", 0);
        cluster.Break("node-2", 0);
        for (int i = 0; i < 300; i++)
            cluster.Turn();
        Assert.Contains(cluster.Table.Groups, i => i is { Group: 0, NodeId: "node-3", Phase: IncarnationPhase.Serving });
    }

    /// <summary>Histories of joins, deaths, broken groups and commands at random moments; then quiet.</summary>
    [Fact]
    public void Cluster_should_keep_every_last_copy_and_come_to_rest_whatever_happens()
    {
        int rounds = 100;
        for (int seed = 0; seed < rounds; seed++)
        {
            var random = new Random(seed);
            int replicas = 1 + random.Next(3);
            var cluster = new SimulatedCluster(random, Rules with { Replicas = replicas, ScaleInLimit = TimeSpan.FromSeconds(20), LaunchLimit = TimeSpan.FromSeconds(5) })
            {
                LostLaunches = 0.2,
            };
            for (int i = 1; i <= 2 + random.Next(4); i++)
                cluster.Join($"node-{i}");
            for (int turn = 0; turn < 150; turn++)
            {
                Disturb(cluster, random);
                cluster.Turn();
                Assert.True(cluster.Violation is null, $"seed {seed}, turn {turn}: {cluster.Violation}");
            }
            cluster.Mend();
            for (int i = 0; i < 400; i++)
                cluster.Turn(); // what is avoided is forgiven after 30 s
            Settle(cluster, $"seed {seed}");
            Assert.Equal(8, cluster.Served.Count());
            Assert.All(cluster.Table.Groups.GroupBy(i => i.Group), g => Assert.Equal(g.Count(), g.Select(i => i.NodeId).Distinct().Count()));
            var (least, most) = (cluster.Spread[0], cluster.Spread[^1]);
            int serving = cluster.Alive.Count(n => cluster.Table.DutyOf(n) == Actors.Placement.Planning.NodeDuty.Serves);
            if (serving == cluster.Alive.Count())
            {
                Assert.True(most - least <= 1, $"seed {seed}: {string.Join(" ", cluster.Spread)}");
                Assert.Equal(8 * Math.Min(replicas, serving), cluster.Spread.Sum());
            }
        }
    }

    private static void Disturb(SimulatedCluster cluster, Random random)
    {
        string[] alive = [.. cluster.Alive];
        string any = alive[random.Next(alive.Length)];
        switch (random.Next(24))
        {
            case 0 when alive.Length > 2:
                cluster.Kill(any);
                break;
            case 1 when alive.Length < 8:
                cluster.Join($"extra-{cluster.Now}");
                break;
            case 2:
                cluster.Break(any, random.Next(8));
                break;
            case 3:
                cluster.Send(new ControlCommand.Scale(1 + random.Next(8)));
                break;
            case 4:
                cluster.Send(new ControlCommand.Drain(any, TimeSpan.FromSeconds(random.Next(1, 30)), random.Next(2) == 0));
                break;
            case 5:
                cluster.Send(new ControlCommand.Cordon(any));
                break;
            case 6:
                foreach (string node in alive)
                    cluster.Send(new ControlCommand.Uncordon(node));
                break;
            case 7:
                cluster.Send(new ControlCommand.Rebalance());
                break;
            case 8 when cluster.Table.Operations.FirstOrDefault(o => o.IsRunning) is { } running:
                cluster.Send(new ControlCommand.Abort(running.Info.Id));
                break;
        }
    }
}
