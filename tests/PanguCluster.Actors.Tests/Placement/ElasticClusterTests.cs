using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Placement;

/// <summary>The coordinator and the nodes together, with real remoting and real links in this process.</summary>
public sealed class ElasticClusterTests
{
    private static readonly SamplingParameters Warm = new() { Temperature = 0.8f, TopP = 0.9f, Seed = 5 };

    private static readonly int[] Prompt = [1, 5, 9, 2];

    private static async Task<ControlReply> Send(TestNode node, ControlCommand command) =>
        await node.Node.Control.SendAsync(command, TestContext.Current.CancellationToken);

    private static async Task<OperationInfo> Ended(TestNode node, string id)
    {
        await Eventually.Holds(() => node.Snapshot.Operations.Any(o => o.Id == id && o.State != OperationState.Running), "the operation ends", 30);
        return node.Snapshot.Operations.Single(o => o.Id == id);
    }

    private static async Task Settled(TestNode[] nodes) => await Eventually.Holds(
        () => nodes.All(n => n.Snapshot.Groups.All(g => g.Replicas.Count == 2 && g.Replicas.All(r => r.State == GroupInfo.Ready))), "two replicas of each group", 30);

    [Fact]
    public async Task Drained_node_should_become_empty_and_stay_so_while_streams_go_on_with_the_same_bytes()
    {
        var nodes = await TestNode.StartThree(i => TestNode.Setup($"n{i}", TestModel.Bf16));
        try
        {
            await Settled(nodes);
            var (prompt, expected) = Reference.Long(TestModel.Bf16, 30, 200, Warm);
            var reader = nodes[0].Node.Gateway.Start(nodes[0].Request(prompt, 200, Warm)).Events;

            var reply = await Send(nodes[1], new ControlCommand.Drain("n2", TimeSpan.FromSeconds(20)));
            Assert.True(reply.Accepted, reply.Reason);
            var ended = await Ended(nodes[0], reply.OperationId);

            Assert.Equal((OperationState.Done, ended.Total), (ended.State, ended.Done));
            Assert.Empty(nodes[0].Snapshot.Nodes.Single(n => n.Id == "n2").Groups);
            Assert.Equal(NodeDuty.Drains, nodes[0].Snapshot.Nodes.Single(n => n.Id == "n2").Duty);
            var events = new List<Actors.Streams.StreamEvent>();
            await foreach (var e in reader.ReadAllAsync())
                events.Add(e);
            Tokens.AssertSame(expected, events);

            Assert.True((await Send(nodes[2], new ControlCommand.Uncordon("n2"))).Accepted);
            await Eventually.Holds(() => nodes[0].Spread is [5, 5, 6], "the groups come back", 30);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Cordon_and_drain_should_be_refused_with_the_reason_when_something_would_be_lost()
    {
        await using var solo = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16));
        await solo.Ready();

        var drain = await Send(solo, new ControlCommand.Drain("solo", TimeSpan.FromSeconds(5)));
        Assert.False(drain.Accepted);
        Assert.Contains("last copy of group 0", drain.Reason, StringComparison.Ordinal);
        var cordon = await Send(solo, new ControlCommand.Cordon("solo"));
        Assert.Contains("last node that takes groups", cordon.Reason, StringComparison.Ordinal);
        Assert.Contains("no node other", (await Send(solo, new ControlCommand.Cordon("other"))).Reason, StringComparison.Ordinal);
        Assert.Contains("no launcher", (await Send(solo, new ControlCommand.Scale(2))).Reason, StringComparison.Ordinal);
        Assert.Contains("1..1024", (await Send(solo, new ControlCommand.Scale(0))).Reason, StringComparison.Ordinal);
        Assert.True((await Send(solo, new ControlCommand.Scale(1))).Accepted);
        Assert.True((await Send(solo, new ControlCommand.Rebalance())).Accepted);
        Assert.Empty(solo.Node.Control.Simulate().Moves);
    }

    [Fact]
    public async Task Stand_in_should_compute_when_the_only_owner_of_a_group_dies()
    {
        var nodes = await TestNode.StartThree(i => TestNode.Setup($"n{i}", TestModel.Bf16) with
        {
            Replicas = 1, ExtraHocon = "akka.coordinated-shutdown.run-by-actor-system-terminate = off",
        });
        try
        {
            await Eventually.Holds(() => nodes[0].Spread is [2, 3, 3], "one replica of each group", 30);
            var (prompt, expected) = Reference.Long(TestModel.Bf16, 30, 200, Warm);
            var events = new List<Actors.Streams.StreamEvent>();
            await foreach (var e in nodes[0].Node.Gateway.Start(nodes[0].Request(prompt, 200, Warm)).Events.ReadAllAsync())
            {
                events.Add(e);
                if (events.Count == 20)
                    await nodes[2].Kill();
            }
            Tokens.AssertSame(expected, events);
            await Eventually.Holds(() => nodes[0].Spread is [4, 4] && nodes[0].Snapshot.Groups.All(g => g.Replicas.Count == 1), "the others own all groups", 30);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }
}
