using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using Xunit;

namespace PanguCluster.Actors.Tests.Routing;

/// <summary>A router, eight devices that do nothing, and a decoder that sends layer after layer: the price of the way there and back.</summary>
[Collection(nameof(Alone))]
public sealed class RouterPathTests(ITestOutputHelper output) : IDisposable
{
    private const int WarmUp = 3000;
    private const int Layers = 6000;

    private readonly ActorSystem _system = ActorSystem.Create("path", PanguNodeHocon.Of(TestNode.Setup("path", TestModel.Bf16) with
    {
        ExtraHocon = "akka.actor.provider = local",
    }));

    public void Dispose() => _system.Terminate().Wait(TimeSpan.FromSeconds(10));

    private sealed class Decoder(RouterProtocol.DispatchLayer layer, IActorRef router, TaskCompletionSource<(long Bytes, TimeSpan Time)> done) : UntypedActor
    {
        private int _layers;
        private long _bytes;
        private long _start;

        protected override void PreStart() => router.Tell(layer, Self);

        protected override void OnReceive(object message)
        {
            if (message is not RouterProtocol.LayerDone)
                return;
            _layers++;
            if (_layers == WarmUp)
                (_bytes, _start) = (GC.GetTotalAllocatedBytes(), TimeProvider.System.GetTimestamp());
            if (_layers == WarmUp + Layers)
                done.SetResult((GC.GetTotalAllocatedBytes() - _bytes, TimeProvider.System.GetElapsedTime(_start)));
            else
                router.Tell(layer, Self);
        }
    }

    private sealed class Links(LinkLimits limits, LinkIdentity self) : ILinkFactory
    {
        public ILinkPort Connect(PeerNode peer, IActorRef router) =>
            new ExpertLink(peer.NodeId, peer.Endpoints, self, HostIdentity.Current, limits, new LinkOptions(), TimeProvider.System, router);
    }

    private async Task<(double Bytes, double Microseconds)> Run(string plane)
    {
        var model = TestModel.Bf16;
        var devices = new LocalDevices(8);
        var here = plane == "local" ? devices : new LocalDevices(8);
        for (int g = 0; g < 8; g++)
        {
            int group = g;
            _system.ActorOf(Props.Create(() => new ExpertGroupActor(
                model, new IdleKernels(), new AllGroupsHere(), DeviceOptions.Default(8), devices, ActorRefs.Nobody, group, 1)).WithDispatcher(PanguNodeHocon.ComputeDispatcher));
        }
        await Eventually.Holds(() => Enumerable.Range(0, 8).All(g => devices[g] is not null), "devices open");
        var identity = new LinkIdentity("far", model.Manifest.Digest, 1);
        var limits = new LinkLimits(model.Manifest, 8, 3);
        using var server = new LinkServer(model.Manifest, identity, limits, new LinkOptions(UnixFolder: plane == "unix" ? null : ""), devices, NoLogger.Instance);
        var links = new Links(limits, identity with { NodeId = "me" });
        var router = _system.ActorOf(Props.Create(() => new RouterActor(
            RouterOptions.Default, here, new RowCounters(8), new RouterFaults(), links, ActorRefs.Nobody, TimeProvider.System))
            .WithDispatcher(PanguNodeHocon.RouterDispatcher));
        var route = new GroupRoute(plane == "local" ? "me" : "far", 1, plane == "local");
        PeerNode[] peers = plane == "local" ? [] : [new PeerNode("far", server.Endpoints)];
        router.Tell(new RouterProtocol.RoutesChanged(new RouteTable(1, [.. Enumerable.Repeat(new GroupOwners([route]), 8)], [.. peers])));
        var done = new TaskCompletionSource<(long Bytes, TimeSpan Time)>();
        var layer = new RouterProtocol.DispatchLayer(new LayerDispatch(model.Manifest, 8) { Rows = 4, StepId = 1 });
        for (int i = 1; i < layer.Buffer.Experts.Length; i += 2)
            layer.Buffer.Experts[i] = 1;
        _system.ActorOf(Props.Create(() => new Decoder(layer, router, done)).WithDispatcher(PanguNodeHocon.DecoderDispatcher));
        var (bytes, time) = await done.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await router.GracefulStop(TimeSpan.FromSeconds(10));
        return (bytes / (double)Layers, time.TotalMicroseconds / Layers);
    }

    [Theory]
    [InlineData("local")]
    [InlineData("unix")]
    [InlineData("tcp")]
    public async Task Router_path_should_allocate_next_to_nothing_per_layer(string plane)
    {
        // Timers allocate by the second: where the machine is busy, a layer takes long enough to be charged for them.
        double least = double.MaxValue;
        for (int run = 0; run < 3 && least >= 64; run++)
        {
            var (bytes, microseconds) = await Run(plane);
            output.WriteLine($"{plane}: {bytes:f0} bytes and {microseconds:f1} us per layer, 8 groups x 4 rows");
            least = Math.Min(least, bytes);
        }
        Assert.True(least < 64, $"{least:f0} bytes per layer");
    }
}

/// <summary>Allocated bytes are counted for the whole process: no other test may run meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
