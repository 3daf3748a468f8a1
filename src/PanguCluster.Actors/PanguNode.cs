using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Control.Autoscaling;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Coordination;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Weights;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors;

/// <summary>One node's actors and their way in. Made before the actor system, started once inside it.</summary>
public sealed class PanguNode
{
    public const string SystemName = "pangu";

    private readonly GenerationGateway _gateway = new();
    private readonly ClusterView _view;
    private readonly StreamSettings _streams;
    private readonly SessionNode _sessions;
    private readonly ClusterEventLog _events;
    private readonly PlacementDirectory _directory = new();
    private readonly ClusterControl _control;
    private readonly GroupFiles _files;
    private readonly LinkIdentity _identity;
    private readonly LinkOptions _links;
    private readonly WarmBudget _warm;

    /// <exception cref="ArgumentException">A field of the setup is out of range.</exception>
    public PanguNode(PanguNodeSetup setup)
    {
        setup.Validate();
        Setup = setup;
        Model = setup.Fetch.Folder is not null ? setup.Model.WithFetchedFolder(ModelJoin.FolderOf(setup.Fetch, setup.Model.Manifest)) : setup.Model;
        int groups = setup.Model.Shape.Groups;
        _events = new ClusterEventLog(setup.NodeId, setup.Time);
        _view = new ClusterView(setup.Model.Manifest, setup.Model.Group.Length);
        Devices = new LocalDevices(groups);
        Rows = new RowCounters(groups);
        _streams = new StreamSettings(setup.Model.Manifest, setup.Tokenizer, _view, Load, setup.Streams, Streams, setup.Time);
        Faults.Stalled = new Reroutes(_events, setup.Time).On;
        JournalSetup.Prepare(setup.Journal);
        _sessions = new SessionNode(setup.Journal, setup.Sessions, _streams);
        _identity = new LinkIdentity(setup.NodeId, setup.Model.Manifest.Digest, setup.Model.Manifest.NumericsVersion);
        _links = setup.Links with { AdvertisedHost = setup.Links.AdvertisedHost ?? setup.AdvertisedHost, Credentials = setup.Credentials };
        var fileLinks = new FileLinks(_identity, _links, HostIdentity.Current, setup.Time);
        _files = new GroupFiles(Model, setup.Fetch, fileLinks, PeersWith, _events, setup.Time);
        _warm = new WarmBudget(setup.Warm, setup.Model.Group.Length, setup.WeightMemory);
        _control = new ClusterControl(setup.Time, Simulate);
    }

    public PanguNodeSetup Setup { get; }

    /// <summary>The model with what is fetched of it.</summary>
    private PackedModel Model { get; }

    public IGenerationGateway Gateway => _gateway;
    public IClusterView View => _view;
    public StreamCounters Streams { get; } = new();

    /// <summary>The recorded sessions of the whole cluster.</summary>
    public ISessionBook Sessions => _sessions.Book;

    /// <summary>Whether sessions can be recorded now.</summary>
    public JournalHealth Journal => _sessions.Health;

    /// <summary>The way to the placement coordinator, wherever it is.</summary>
    public IClusterControl Control => _control;

    /// <summary>The log of the whole cluster.</summary>
    public IClusterEvents Events => _events;

    /// <summary>The devices of this process.</summary>
    public LocalDevices Devices { get; }

    /// <summary>What this node's router has had answered.</summary>
    public RowCounters Rows { get; }

    /// <summary>What went wrong on the way to the groups.</summary>
    public RouterFaults Faults { get; } = new();

    /// <summary>This node's decoder; all zero without the role.</summary>
    public LoadGauge Load { get; } = new();

    /// <summary>Where messages to sessions go, once the node is started.</summary>
    internal IActorRef SessionRegion { get; private set; } = ActorRefs.Nobody;

    /// <summary>Starts the actors, and a cluster of its own if there are no seed nodes.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The links' address cannot be bound.</exception>
    public void Start(ActorSystem system)
    {
        var cluster = Cluster.Get(system);
        var manifest = Setup.Model.Manifest;
        var limits = new LinkLimits(manifest, Setup.Decoder.MaxRows, _links.InFlight);
        var endpoints = new LinkEndpoints("", "", HostIdentity.Current);
        Func<string, string?> nodeIdOf = address => _view.Current.Nodes.FirstOrDefault(n => n.Address == address)?.Id;
        system.ActorOf(Props.Create(() => new EventLogActor(_events, nodeIdOf, Setup.Time)), "pangu-events");
        if (Setup.Roles.Contains(NodeRoles.Expert))
        {
            var log = Logging.GetLogger(system, typeof(LinkServer));
            var server = new LinkServer(manifest, _identity, limits, _links, Devices, log, new FileServing(Model, Setup.Fetch));
            endpoints = server.Endpoints;
            system.ActorOf(Props.Create(() => new LinkServerActor(server)), "pangu-links");
        }
        system.ActorOf(Props.Create(() => new ModelOfferActor(manifest, () => FileServers(endpoints))), ModelOfferProtocol.ActorName);
        IActorRef placement = ActorRefs.Nobody;
        var placementSettings = new PlacementSettings(Setup.Model, InitialState(endpoints), Rows, Devices, Load, _directory, Setup.Time)
        {
            Concern = () => Journal.Trouble,
            StandIn = g => DeviceProps(placement, g, OwnedGroup.StandIn),
            Leave = reason => Setup.Leave(reason),
            Refused = reason => Setup.Refused(reason),
            Files = FilesHere,
            Events = Events,
        };
        placement = system.ActorOf(
            Props.Create(() => new PlacementActor(placementSettings, _view)), "pangu-placement");
        var region = GroupSharding.Start(system, manifest, (g, number) => DeviceProps(placement, g, number), _directory);
        StartCoordinator(system, placement);
        if (Setup.Roles.Contains(NodeRoles.Decoder))
            StartDecoder(system, placement, new LinkFactory(_identity, limits, _links, Setup.Time));
        SessionRegion = _sessions.Start(system, Setup.Roles.Contains(NodeRoles.Gateway));
        var streams = _streams with { NodeId = Setup.NodeId, Sessions = SessionRegion };
        system.ActorOf(Props.Create(() => new StreamSupervisor(streams, _gateway)), StreamSupervisor.Name);
        placement.Tell(new PlacementProtocol.KeepGroups(region));
        if (Setup.SeedNodes.Count == 0)
            cluster.Join(cluster.SelfAddress);
    }

    private IReadOnlyList<int> FilesHere() => [.. Enumerable.Range(0, Setup.Model.Shape.Groups).Where(Model.HasGroup)];

    /// <summary>Nodes of this model that say they have a group's file, groups beginning with different ones.</summary>
    private IReadOnlyList<FilePeer> PeersWith(int group)
    {
        FilePeer[] peers =
        [
            .. Peers().Where(s => s.Files.Contains(group)).Select(s => new FilePeer(s.NodeId, ClusterKnowledge.Endpoints(s)))
                .OrderBy(p => p.NodeId, StringComparer.Ordinal),
        ];
        int first = peers.Length == 0 ? 0 : group % peers.Length;
        return [.. peers[first..], .. peers[..first]];
    }

    /// <summary>This node and others of this model that may be asked for files.</summary>
    private IReadOnlyList<FilePeer> FileServers(LinkEndpoints own) =>
    [
        .. own.ToString().Length > 0 ? (FilePeer[])[new FilePeer(Setup.NodeId, own)] : [],
        .. Peers().Where(ClusterKnowledge.HasEndpoint).Select(s => new FilePeer(s.NodeId, ClusterKnowledge.Endpoints(s))),
    ];

    private IEnumerable<NodeState> Peers() =>
        _directory.Nodes.Where(n => !n.Self && ClusterKnowledge.IsRoutable(n, Setup.Model.Manifest)).Select(n => n.State!);

    private void StartDecoder(ActorSystem system, IActorRef placement, ILinkFactory links)
    {
        var settings = new DecoderSettings(
            Setup.Model, Setup.Kernels, Setup.Decoder, Setup.TrunkThreads, Setup.VerifyDigests, TimeSpan.FromSeconds(5));
        var router = Props.Create(() => new RouterActor(Setup.Router, Devices, Rows, Faults, links, placement, Setup.Time))
            .WithDispatcher(PanguNodeHocon.RouterDispatcher);
        Func<IActorContext, IActorRef> makeRouter = context => context.ActorOf(router, "router");
        system.ActorOf(
            Props.Create(() => new DecoderActor(settings, Load, placement, makeRouter)).WithDispatcher(PanguNodeHocon.DecoderDispatcher),
            "pangu-decoder");
    }

    private void StartCoordinator(ActorSystem system, IActorRef placement)
    {
        var settings = new CoordinatorSettings(Setup.NodeId, Setup.Model.Manifest, PlacementRules, placement, Setup.Launcher, Events, Setup.Time);
        var coordinator = Setup.Roles.Contains(NodeRoles.Expert) ? Props.Create(() => new PlacementCoordinator(settings)) : null;
        var way = CoordinatorSingleton.Start(system, Setup.Model.Manifest, coordinator);
        _control.Open(system.ActorOf(Props.Create(() => new ControlClient(way)), "pangu-control"));
        if (Setup.Autoscale is { } autoscale)
            system.ActorOf(Props.Create(() => new Autoscaler(Setup.NodeId, autoscale, _view, _control, _events, Setup.Time)), "pangu-autoscaler");
    }

    private Placement.Planning.PlacementPlan Simulate()
    {
        var facts = new ClusterFacts(_directory.Nodes, Setup.Model.Manifest, Setup.Time.GetUtcNow().ToUnixTimeMilliseconds(), 0);
        return ControlRules.Simulate(_directory.Table, facts, PlacementRules);
    }

    private PlacementRules PlacementRules => new() { Replicas = Setup.Replicas, MinExpertNodes = Setup.MinExpertNodes, Patience = Setup.ExpertPatience };

    private Props DeviceProps(IActorRef placement, int group, long number)
    {
        var options = DeviceOptions.Default(Setup.Decoder.MaxRows) with
        {
            Group = new GroupOptions(Setup.Decoder.MaxRows, Setup.GroupThreads, Setup.VerifyDigests),
            Warm = _warm,
        };
        return Props.Create(() => new ExpertGroupActor(Model, Setup.Kernels, _files, options, Devices, placement, group, number))
            .WithDispatcher(PanguNodeHocon.ComputeDispatcher);
    }

    private NodeState InitialState(LinkEndpoints endpoints)
    {
        var manifest = Setup.Model.Manifest;
        return new NodeState(
            Setup.NodeId, 0, Setup.GrpcAddress, endpoints.Unix, endpoints.Tcp, endpoints.HostId, Setup.Kernels.Name, manifest.Name,
            manifest.Digest, manifest.NumericsVersion, [], "", null, [], 0, "")
        {
            MaxGroups = Setup.MaxGroups,
        };
    }

    private sealed class LinkFactory(LinkIdentity self, LinkLimits limits, LinkOptions options, TimeProvider time) : ILinkFactory
    {
        public ILinkPort Connect(PeerNode peer, IActorRef router) =>
            new ExpertLink(peer.NodeId, peer.Endpoints, self, HostIdentity.Current, limits, options, time, router);
    }

    /// <summary>Ties the listener's life to the actor system's: peers see closed sockets as soon as the system goes down.</summary>
    private sealed class LinkServerActor(LinkServer server) : UntypedActor
    {
        protected override void PostStop() => server.Dispose();

        protected override void OnReceive(object message) => Unhandled(message);
    }
}
