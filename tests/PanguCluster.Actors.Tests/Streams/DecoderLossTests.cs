using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using Akka.Remote;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Tests.Sessions;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>Node 0 has the streams and the groups, the others decode: what happens to a stream when its decoder goes, one way or another.</summary>
public sealed class DecoderLossTests(ITestOutputHelper output)
{
    private readonly Dictionary<string, FaultyKernels> _kernels = [];

    private Task<RecordedCluster> Start(int decoders) => RecordedCluster.Start(1 + decoders, (i, s) => s with
    {
        Roles = i == 0 ? [NodeRoles.Gateway, NodeRoles.Expert] : [NodeRoles.Decoder],
        Kernels = i == 0 ? s.Kernels : _kernels[s.NodeId] = new FaultyKernels(),
        Streams = s.Streams with { Stall = TimeSpan.FromMilliseconds(500), FirstStepStall = TimeSpan.FromSeconds(5) },
    });

    private static bool At(StreamEvent e, int index) => e is StreamEvent.Token t && t.Sampled.Index >= index;

    private static TestNode Busy(RecordedCluster cluster) => cluster.Nodes.Skip(1).Single(n => n.Node.Load.Value.Running > 0);

    /// <summary>The silence is reported and not judged.</summary>
    [Theory]
    [InlineData("killed")]
    [InlineData("decoder stopped")]
    [InlineData("drained")]
    [InlineData("hung")]
    [InlineData("mute")]
    [InlineData("association broken")]
    public async Task Stream_should_go_on_at_another_decoder_with_the_same_events_when_its_own_is(string loss)
    {
        await using var cluster = await Start(2);
        var gateway = cluster.Nodes[0];
        var request = RecordedCluster.Request("choices", maxTokens: 300);
        var expected = await RecordedCluster.Undisturbed(request);
        var call = cluster.Start(0, request);
        var events = await Transcripts.Read(call, e => At(e, 40));
        var victim = Busy(cluster);
        long began = TimeProvider.System.GetTimestamp(), suspected = 0, resubmitted = 0;
        using var watching = new CancellationTokenSource();
        var watch = Task.Run(async () =>
        {
            while (!watching.IsCancellationRequested && resubmitted == 0)
            {
                if (suspected == 0 && gateway.Node.Streams.Suspicions > 0)
                    suspected = TimeProvider.System.GetTimestamp();
                if (gateway.Node.Streams.Resubmissions > 0)
                    resubmitted = TimeProvider.System.GetTimestamp();
                await Task.Yield();
            }
        });
        var done = Lose(cluster, gateway, victim, loss);
        double longest = 0;
        long last = began;
        await foreach (var e in call.Events.ReadAllAsync())
        {
            events.Add(e);
            longest = Math.Max(longest, TimeProvider.System.GetElapsedTime(last).TotalMilliseconds);
            last = TimeProvider.System.GetTimestamp();
        }
        await watching.CancelAsync();
        await watch;
        output.WriteLine(
            $"{loss}: suspected after {After(suspected):f0} ms, given to another after {After(resubmitted):f0} ms, longest silence {longest:f0} ms, "
            + $"{gateway.Node.Streams.Resubmissions} submissions more");
        foreach (var kernels in _kernels.Values)
            kernels.TrunkGate.Set();
        await done;

        Transcripts.AssertSame(expected, events);
        Assert.Equal(0, gateway.Node.Streams.DeterminismViolations);
        if (loss != "drained")
            Assert.NotEqual(0, gateway.Node.Streams.Resubmissions);

        double After(long time) => time == 0 ? double.NaN : TimeProvider.System.GetElapsedTime(began, time).TotalMilliseconds;
    }

    private async Task Lose(RecordedCluster cluster, TestNode gateway, TestNode victim, string loss)
    {
        var address = Cluster.Get(victim.System).SelfAddress;
        switch (loss)
        {
            case "killed":
                await cluster.Kill(victim);
                break;
            case "drained":
                cluster.Nodes.Remove(victim);
                await victim.DisposeAsync();
                break;
            case "hung":
                _kernels[victim.Node.Setup.NodeId].TrunkGate.Reset();
                break;
            case "mute":
                Stop(victim, StreamSupervisor.Name);
                break;
            case "decoder stopped":
                Stop(victim, "pangu-decoder");
                break;
            case "association broken":
                gateway.System.EventStream.Publish(new DisassociatedEvent(Cluster.Get(gateway.System).SelfAddress, address, false));
                break;
        }
    }

    private static void Stop(TestNode node, string name) => node.System.ActorSelection("/user/" + name).Tell(PoisonPill.Instance);

    [Fact]
    public async Task Stream_should_survive_the_loss_of_every_decoder_in_turn_and_the_return_of_one()
    {
        await using var cluster = await Start(2);
        var request = RecordedCluster.Request("plain", maxTokens: 300);
        var expected = await RecordedCluster.Undisturbed(request);
        var call = cluster.Start(0, request);
        var events = await Transcripts.Read(call, e => At(e, 30));
        await cluster.Kill(Busy(cluster));
        events.AddRange(await Transcripts.Read(call, e => At(e, 60)));
        Stop(cluster.Nodes[1], "pangu-decoder/router"); // nobody else decodes; it comes back anew
        events.AddRange(await Transcripts.Read(call));
        Transcripts.AssertSame(expected, events);
        Assert.Equal(0, cluster.Nodes[0].Node.Streams.DeterminismViolations);
    }

    [Fact]
    public async Task Streams_should_show_the_same_events_when_their_decoder_has_too_few_blocks_for_all()
    {
        await using var cluster = await RecordedCluster.Start(1, (_, s) => s with { Decoder = s.Decoder with { KvBlocks = 8 } });
        var requests = Enumerable.Range(0, 8).Select(i => RecordedCluster.Request("plain", maxTokens: 260)).ToArray();
        for (int i = 0; i < requests.Length; i++)
            requests[i] = requests[i] with { Prompt = [.. requests[i].Prompt.Select(t => (t + i) % 199)] };
        var calls = requests.Select(r => Transcripts.Read(cluster.Start(0, r))).ToArray();
        for (int i = 0; i < requests.Length; i++)
            Transcripts.AssertSame(await RecordedCluster.Undisturbed(requests[i]), await calls[i]);
        Assert.NotEqual(0, cluster.Nodes[0].Node.Load.Value.Preemptions);
    }

    [Fact]
    public async Task Token_that_differs_should_be_counted_and_logged_and_never_shown()
    {
        await using var cluster = await Start(2);
        var gateway = cluster.Nodes[0];
        var request = RecordedCluster.Request("plain", maxTokens: 400);
        var expected = await RecordedCluster.Undisturbed(request);
        var logged = new ConcurrentQueue<string>();
        gateway.System.EventStream.Subscribe(gateway.System.ActorOf(Props.Create(() => new Listener(m => logged.Enqueue($"{m}")))), typeof(Error));
        var call = cluster.Start(0, request);
        var events = await Transcripts.Read(call, e => At(e, 10));
        var honest = Busy(cluster);
        // The other one is always behind, so all that it brings is known.
        foreach (var kernels in _kernels.Where(k => k.Key != honest.Node.Setup.NodeId).Select(k => k.Value))
            (kernels.Fault, kernels.TrunkPace) = (Fault.Logits, TimeSpan.FromMilliseconds(15));
        await foreach (var e in call.Events.ReadAllAsync())
        {
            events.Add(e);
            if (gateway.Node.Streams.DeterminismViolations == 0)
                gateway.System.EventStream.Publish(new DisassociatedEvent(
                    Cluster.Get(gateway.System).SelfAddress, Cluster.Get(honest.System).SelfAddress, false));
        }
        Transcripts.AssertSame(expected, events);
        Assert.NotEqual(0, gateway.Node.Streams.DeterminismViolations);
        Assert.Contains(logged, l => l.Contains("determinism violation in session " + request.SessionId, StringComparison.Ordinal));
    }
}
