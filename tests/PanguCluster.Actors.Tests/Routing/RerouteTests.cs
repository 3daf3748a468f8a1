using System.Collections.Concurrent;
using Akka.Actor;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Tests.Links;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Actors.Tests.Routing;

/// <summary>A router, a peer that fails over a real socket, and another owner of the same groups that does not.</summary>
public sealed class RerouteTests(ITestOutputHelper output) : IDisposable
{
    private const int Before = 100;
    private const int After = 400;

    private static readonly LinkOptions Options = new(UnixFolder: "", Heartbeat: TimeSpan.FromMilliseconds(50));
    private static readonly LinkLimits Limits = new(TestModel.Bf16.Manifest, 8, Options.InFlight);
    private static readonly LinkIdentity Good = new("good", TestModel.Bf16.Manifest.Digest, 1);

    private static readonly RouterOptions Router = RouterOptions.Default with
    {
        Hedging = HedgeOptions.Default with { Unknown = TimeSpan.FromMilliseconds(100) },
    };

    private readonly ActorSystem _system = ActorSystem.Create("reroute");
    private readonly ConcurrentQueue<object> _placement = new();
    private readonly ConcurrentQueue<StalledLayer> _stalled = new();
    private readonly RouterFaults _faults = new();

    public void Dispose() => _system.Terminate().Wait(TimeSpan.FromSeconds(10));

    private static byte Value(int layer, int group) => (byte)(layer * 8 + group + 1);

    private sealed class Device(int group) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is not ComputeRows work || !work.TryClaim())
                return;
            work.Buffer.OutputOf(group).Fill(Value(work.Buffer.Layer, group));
            work.Complete(ComputeStatus.Done);
        }
    }

    private sealed class Keep(ConcurrentQueue<object> to) : UntypedActor
    {
        protected override void OnReceive(object message) => to.Enqueue(message);
    }

    /// <summary>Sends layer after layer and looks at every byte that comes back.</summary>
    /// <param name="begun">The peer has answered: its link is up, and only from then on it can fail.</param>
    private sealed class Decoder(IActorRef router, Func<bool> begun, Action fail, TaskCompletionSource done) : UntypedActor
    {
        private readonly RouterProtocol.DispatchLayer _layer = new(new LayerDispatch(TestModel.Bf16.Manifest, 8) { Rows = 4 });
        private int _layers;
        private int _sent;

        protected override void PreStart()
        {
            for (int i = 1; i < _layer.Buffer.Experts.Length; i += 2)
                _layer.Buffer.Experts[i] = 1;
            Next();
        }

        private void Next()
        {
            (_layer.Buffer.StepId, _layer.Buffer.Layer) = (1 + _sent / 3, _sent % 3);
            _sent++;
            _layer.Buffer.Outputs.AsSpan().Clear();
            router.Tell(_layer, Self);
        }

        protected override void OnReceive(object message)
        {
            if (message is RouterProtocol.LayerFailed failed)
                done.TrySetException(new InvalidOperationException(failed.Message));
            if (message is not RouterProtocol.LayerDone)
                return;
            for (int g = 0; g < 8; g++)
                if (_layer.Buffer.OutputOf(g).IndexOfAnyExcept(Value(_layer.Buffer.Layer, g)) >= 0)
                    done.TrySetException(new InvalidOperationException($"wrong bytes of group {g} in exchange {_layers}"));
            if (begun() && ++_layers == Before)
                fail();
            if (_layers == Before + After)
                done.TrySetResult();
            else
                Next();
        }
    }

    private sealed class Links : ILinkFactory
    {
        public ILinkPort Connect(PeerNode peer, IActorRef router) =>
            new ExpertLink(peer.NodeId, peer.Endpoints, Good with { NodeId = "me" }, "", Limits, Options, TimeProvider.System, router);
    }

    private LocalDevices Devices()
    {
        var devices = new LocalDevices(8);
        for (int g = 0; g < 8; g++)
        {
            int group = g;
            devices.Add(g, _system.ActorOf(Props.Create(() => new Device(group))));
        }
        return devices;
    }

    [Theory]
    [InlineData(Script.Die, true)]
    [InlineData(Script.Die, false)]
    [InlineData(Script.Hang, true)]
    [InlineData(Script.Hang, false)]
    [InlineData(Script.StopReading, true)]
    [InlineData(Script.NeverAnswer, true)]
    [InlineData(Script.NeverAnswer, false)]
    [InlineData(Script.Late, true)]
    [InlineData(Script.NotReady, true)]
    [InlineData(Script.NotReady, false)]
    [InlineData(Script.AnswerTwice, true)]
    public async Task Layers_should_be_finished_by_the_other_owner_with_the_same_bytes_when_a_peer_fails(Script script, bool otherIsPeer)
    {
        int answers = 0;
        using var peer = new ScriptedPeer(Good with { NodeId = "bad" }, Limits, (layer, group) =>
        {
            Volatile.Write(ref answers, 1);
            return Value(layer, group);
        });
        Func<bool> begun = () => Volatile.Read(ref answers) > 0;
        var devices = Devices();
        using var server = new LinkServer(TestModel.Bf16.Manifest, Good, Limits, Options, devices, Akka.Event.NoLogger.Instance);
        var here = otherIsPeer ? new LocalDevices(8) : devices;
        _faults.Stalled = _stalled.Enqueue;
        var placement = _system.ActorOf(Props.Create(() => new Keep(_placement)));
        var links = new Links();
        var router = _system.ActorOf(Props.Create(() => new RouterActor(
            Router, here, new RowCounters(8), _faults, links, placement, TimeProvider.System)));
        var owners = new GroupOwners([new GroupRoute("bad", 1, false), new GroupRoute(otherIsPeer ? "good" : "me", 1, !otherIsPeer)]);
        router.Tell(new RouterProtocol.RoutesChanged(new RouteTable(
            1, [.. Enumerable.Repeat(owners, 8)], [new PeerNode("bad", peer.Endpoints), new PeerNode("good", server.Endpoints)])));

        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Action fail = () => peer.Script = script;
        _system.ActorOf(Props.Create(() => new Decoder(router, begun, fail, done)));
        await done.Task.WaitAsync(TimeSpan.FromSeconds(60));

        output.WriteLine($"{script}: longest stall {_faults.LongestStall.TotalMilliseconds:f1} ms, {_faults.Hedges} hedged, {_faults.HedgeWins} won, "
            + $"{_faults.Resent} sent again, {_faults.LateAnswers} late");
        if (script != Script.AnswerTwice)
            Assert.Contains(_stalled, s => s.NodeId == "bad" && s.Cause is not StallCause.NoOwner);
        if (script is Script.Die or Script.Hang)
        {
            bool reset = script == Script.Die;
            await Eventually.Holds(
                () => _placement.OfType<PlacementProtocol.PeerSuspected>().Any(s => s.NodeId == "bad" && s.Loss > PeerLoss.Silent == reset), $"suspected, reset {reset}");
            Assert.Equal(1, _faults.Suspicions);
        }
        if (script == Script.Late)
        {
            peer.LetGo();
            await Eventually.Holds(() => _faults.LateAnswers > 0, "the late answer is dropped");
        }
        await router.GracefulStop(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Peer_should_be_trusted_again_when_it_is_back()
    {
        using var peer = new ScriptedPeer(Good with { NodeId = "bad" }, Limits, Value) { Script = Script.Hang };
        var placement = _system.ActorOf(Props.Create(() => new Keep(_placement)));
        var links = new Links();
        var router = _system.ActorOf(Props.Create(() => new RouterActor(
            Router, new LocalDevices(8), new RowCounters(8), _faults, links, placement, TimeProvider.System)));
        router.Tell(new RouterProtocol.RoutesChanged(new RouteTable(1, [.. Enumerable.Repeat(GroupOwners.None, 8)], [new PeerNode("bad", peer.Endpoints)])));
        await Eventually.Holds(() => _placement.OfType<PlacementProtocol.PeerSuspected>().Any(), "suspected");
        peer.Script = Script.Answer;
        peer.LetGo();
        await Eventually.Holds(() => _placement.OfType<PlacementProtocol.PeerTrusted>().Any(t => t.NodeId == "bad"), "trusted");
        Assert.Equal(PeerLoss.Silent, _placement.OfType<PlacementProtocol.PeerSuspected>().Single().Loss);
        await router.GracefulStop(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Node_that_stops_should_say_so_and_not_look_dead()
    {
        var server = new LinkServer(TestModel.Bf16.Manifest, Good, Limits, Options, new LocalDevices(8), Akka.Event.NoLogger.Instance);
        var inbox = Inbox.Create(_system);
        using var link = new ExpertLink("good", server.Endpoints, Good with { NodeId = "me" }, "", Limits, Options, TimeProvider.System, inbox.Receiver);
        Assert.IsType<LinkEvents.Up>(inbox.Receive(TimeSpan.FromSeconds(10)));
        server.Dispose();
        var down = Assert.IsType<LinkEvents.Down>(await Task.Run(() => inbox.Receive(TimeSpan.FromSeconds(10))));
        Assert.Equal("ended by the peer: the node stops", down.Reason);
        Assert.Equal(PeerLoss.Silent, down.Loss);
    }
}
