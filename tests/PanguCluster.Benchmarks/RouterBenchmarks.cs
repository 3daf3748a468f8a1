using Akka.Actor;
using Akka.Configuration;
using BenchmarkDotNet.Attributes;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Benchmarks;

/// <summary>
/// One layer of the published model's width from the decoder through the router to eight devices that compute nothing and back: what
/// actors (local) and actors and a socket (unix) cost a layer. On the dispatchers of a node, a thread of its own for each role.
/// </summary>
[MemoryDiagnoser]
public class RouterBenchmarks
{
    private const int Groups = 8;
    private const int Layers = 1000;
    private const int MaxRows = 32;

    private ActorSystem? _system;
    private LinkServer? _server;
    private LinkServer? _spare;
    private IActorRef _decoder = ActorRefs.Nobody;

    [Params("local", "unix")]
    public string Plane { get; set; } = "local";

    [Params(1, 32)]
    public int Rows { get; set; } = 1;

    /// <summary>2: every group has another owner, on a node that is asked for nothing.</summary>
    [Params(1, 2)]
    public int Owners { get; set; } = 1;

    [GlobalSetup]
    public async Task Open()
    {
        _system = ActorSystem.Create("router-bench", ConfigurationFactory.ParseString(string.Concat(
            "akka.loglevel = WARNING\n", Dispatcher("compute", 1), Dispatcher("decoder", 1), Dispatcher("router", 1))));
        var manifest = Manifest();
        var devices = new LocalDevices(Groups);
        for (int g = 0; g < Groups; g++)
            devices.Add(g, _system.ActorOf(Props.Create(() => new IdleDevice()).WithDispatcher("compute")));
        var here = Plane == "local" ? devices : new LocalDevices(Groups);
        var limits = new LinkLimits(manifest, MaxRows, 3);
        var far = new LinkIdentity("far", manifest.Digest, 1);
        _server = new LinkServer(manifest, far, limits, new LinkOptions(), devices, Akka.Event.NoLogger.Instance);
        var links = new Links(limits, far with { NodeId = "me" });
        var router = _system.ActorOf(Props.Create(() => new RouterActor(
            RouterOptions.Default, here, new RowCounters(Groups), new RouterFaults(), links, ActorRefs.Nobody, TimeProvider.System)).WithDispatcher("router"));
        _spare = new LinkServer(manifest, far with { NodeId = "spare" }, limits, new LinkOptions(), devices, Akka.Event.NoLogger.Instance);
        var route = new GroupRoute(Plane == "local" ? "me" : "far", 1, Plane == "local");
        GroupRoute[] routes = [route, new GroupRoute("spare", 1, false)];
        PeerNode[] peers = [new PeerNode("far", _server.Endpoints), new PeerNode("spare", _spare.Endpoints)];
        router.Tell(new RouterProtocol.RoutesChanged(
            new RouteTable(1, [.. Enumerable.Repeat(new GroupOwners([.. routes.Take(Owners)]), Groups)], [.. peers.Take(Plane == "local" && Owners == 1 ? 0 : Owners)])));
        var layer = new RouterProtocol.DispatchLayer(new LayerDispatch(manifest, MaxRows) { Rows = Rows, StepId = 1 });
        _decoder = _system.ActorOf(Props.Create(() => new Decoder(layer, router)).WithDispatcher("decoder"));
        await Exchange();
    }

    [Benchmark(OperationsPerInvoke = Layers)]
    public Task Exchange()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _decoder.Tell(done);
        return done.Task;
    }

    [GlobalCleanup]
    public async Task Close()
    {
        await _system!.Terminate();
        _server!.Dispose();
        _spare!.Dispose();
    }

    private static string Dispatcher(string name, int threads) =>
        $"{name} {{ type = ForkJoinDispatcher\n throughput = 1\n dedicated-thread-pool {{ thread-count = {threads}\n threadtype = background }} }}\n";

    private static Manifest Manifest() => new()
    {
        LayoutVersion = 1,
        NumericsVersion = 1,
        Name = "router-bench",
        Shape = new ModelShape
        {
            VocabSize = 32000,
            HiddenSize = 5120,
            Layers = 1,
            Heads = 40,
            KvHeads = 8,
            Experts = 64,
            ExpertsPerToken = 8,
            Groups = Groups,
            ExpertIntermediate = 1344,
            SharedIntermediate = 5376,
            RmsNormEpsilon = 1e-5f,
            RopeTheta = 16e6,
            MaxPositions = 32768,
        },
        Format = PackFormat.W8A8,
        Weights = ElementType.I8,
        Embedding = ElementType.Bf16,
        KvCache = ElementType.Bf16,
        GroupOutput = ElementType.Bf16,
        TensorParallelSlices = 1,
        BosTokenId = 1,
        EosTokenIds = [2],
        HasTokenizer = false,
        Chat = new ChatSettings(false),
        Files = [],
        Digest = new string('a', 64),
    };

    private sealed class IdleDevice : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is ComputeRows work && work.TryClaim())
                work.Complete(ComputeStatus.Done);
        }
    }

    /// <summary>Sends the same layer again and again, as often as one invocation counts.</summary>
    private sealed class Decoder(RouterProtocol.DispatchLayer layer, IActorRef router) : UntypedActor
    {
        private TaskCompletionSource? _waiting;
        private int _left;

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case TaskCompletionSource waiting:
                    (_waiting, _left) = (waiting, Layers);
                    router.Tell(layer, Self);
                    break;
                case RouterProtocol.LayerDone when --_left > 0:
                    router.Tell(layer, Self);
                    break;
                case RouterProtocol.LayerDone:
                    _waiting!.SetResult();
                    break;
                case RouterProtocol.LayerFailed failed:
                    _waiting!.SetException(new InvalidOperationException(failed.Message));
                    break;
            }
        }
    }

    private sealed class Links(LinkLimits limits, LinkIdentity self) : ILinkFactory
    {
        public ILinkPort Connect(PeerNode peer, IActorRef router) =>
            new ExpertLink(peer.NodeId, peer.Endpoints, self, HostIdentity.Current, limits, new LinkOptions(), TimeProvider.System, router);
    }
}
