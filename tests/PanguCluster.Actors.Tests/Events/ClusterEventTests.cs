using PanguCluster.Actors.Events;
using PanguCluster.Actors.Tests.Nodes;
using Xunit;

namespace PanguCluster.Actors.Tests.Events;

public sealed class ClusterEventTests
{
    private const string Abrupt = "akka.coordinated-shutdown.run-by-actor-system-terminate = off";

    [Fact]
    public async Task Events_should_be_on_every_node_when_their_recorder_is_dead_and_a_node_comes_later()
    {
        var nodes = await TestNode.StartThree(i => TestNode.Setup($"n{i}", TestModel.Bf16) with { ExtraHocon = Abrupt }, expertNodes: 1);
        TestNode? late = null;
        try
        {
            nodes[2].Node.Events.Record(ClusterEventKind.MoveDone, "group 3", "said before the end", TimeSpan.FromMilliseconds(17));
            await Eventually.Holds(() => nodes[0].Node.Events.Recent.Any(e => e.Detail == "said before the end"), "the event on another node");
            await nodes[2].Kill();
            await Eventually.Holds(() => Has(nodes[0], ClusterEventKind.NodeRemoved, "n2") && Has(nodes[1], ClusterEventKind.NodeRemoved, "n2"), "removal of n2");

            late = await TestNode.Start(TestNode.Setup("late", TestModel.Bf16) with { SeedNodes = [nodes[0].Address] });
            await Eventually.Holds(() => Has(late, ClusterEventKind.NodeUp, "late") && Has(late, ClusterEventKind.NodeRemoved, "n2"), "old and new events on the newcomer");

            var said = Assert.Single(late.Node.Events.Recent, e => e.Detail == "said before the end");
            Assert.Equal(("n2", "group 3", "said before the end", 17d), (said.Recorder, said.Subject, said.Detail, said.DurationMs));
            var removed = Assert.Single(late.Node.Events.Recent, e => e.Kind == ClusterEventKind.NodeRemoved);
            Assert.True(removed.DurationMs > 0);
            foreach (string id in (string[])["n1", "n2", "late"])
                Assert.Single(late.Node.Events.Recent, e => e.Kind == ClusterEventKind.NodeUp && e.Subject == id);
        }
        finally
        {
            foreach (var node in late is null ? nodes : [.. nodes, late])
                await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Follower_should_miss_and_repeat_nothing_when_it_comes_in_the_middle()
    {
        await using var node = await TestNode.Start(TestNode.Setup("n0", TestModel.Bf16));
        var events = node.Node.Events;
        for (int i = 0; i < 100; i++)
            events.Record(ClusterEventKind.ScaleStep, $"{i}", "before");
        await Eventually.Holds(() => events.Recent.Any(e => e.Kind == ClusterEventKind.ScaleStep), "the first of them");
        var seen = new List<string>();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        var more = Task.Run(() =>
        {
            for (int i = 100; i < 300; i++)
                events.Record(ClusterEventKind.ScaleStep, $"{i}", "meanwhile");
        });
        await foreach (var e in events.FollowAsync(limit.Token))
        {
            if (e.Kind == ClusterEventKind.ScaleStep)
                seen.Add(e.Subject);
            if (seen.Count == 300)
                break;
        }
        await more;

        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"{i}").Order(), seen.Order());
    }

    [Fact]
    public void Record_should_return_and_drop_when_nobody_takes_the_events()
    {
        var log = new ClusterEventLog("n0", TimeProvider.System);

        for (int i = 0; i < 3 * ClusterEventLog.MaxPending; i++)
            log.Record(ClusterEventKind.ScaleStep, new string('s', 1000), "\ud800 half a pair", TimeSpan.FromSeconds(-1));

        Assert.Equal(ClusterEventLog.MaxPending, log.Pending.Count);
        Assert.True(log.Pending.TryPeek(out var first));
        Assert.Equal((EventLimits.NameBytes, "\ufffd half a pair", 0d), (first.Subject.Length, first.Detail, first.DurationMs));
    }

    private static bool Has(TestNode node, ClusterEventKind kind, string subject) =>
        node.Node.Events.Recent.Any(e => e.Kind == kind && e.Subject == subject);
}
