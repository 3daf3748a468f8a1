using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Akka.DistributedData;
using Akka.Event;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement.Node;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>
/// One per node. Publishes what this node has and whom it suspects, gathers what the others say, works out the route table and the operator's view, and brings
/// this node's devices to what the placement table says of it. Needs no coordinator for any of that.
/// </summary>
public sealed class PlacementActor : UntypedActor
{
    private readonly PlacementSettings _settings;
    private readonly ClusterView _view;
    private readonly Cluster _cluster = Cluster.Get(Context.System);
    private readonly IActorRef _replicator = DistributedData.Get(Context.System).Replicator;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly MemberBook _members;
    private readonly OwnDevices _own = new();
    private readonly StandInSet _standIns;
    private readonly DoubleIdWatch _double;
    private readonly LostPeers _lost;
    private readonly Dictionary<string, (PeerLoss Loss, long Since)> _suspects = [];
    private readonly HashSet<int> _served = [];
    private readonly HashSet<IActorRef> _followers = [];
    private readonly HashSet<string> _warned = [];
    private readonly NodeStateKey _key;
    private readonly PlacementTableKey _tableKey;
    private PlacementTable _table = PlacementTable.Empty;
    private RouteTable _routes;
    private NodeState _state;
    private string _decoderTrouble = "";
    private IActorRef? _decoder;
    private IActorRef? _region;
    private IActorRef? _coordinator;
    private ICancelable? _tick;
    private long _ensured;

    public PlacementActor(PlacementSettings settings, ClusterView view)
    {
        _settings = settings;
        _view = view;
        _members = new MemberBook(_cluster.SelfUniqueAddress);
        _key = KeyOf(_cluster.SelfUniqueAddress);
        _tableKey = new PlacementTableKey(Manifest.Digest);
        _routes = RouteTable.Empty(Manifest.Shape.Groups);
        _state = settings.Initial;
        _standIns = new StandInSet(settings.Time, settings.Relief);
        _double = new DoubleIdWatch(settings.Time, settings.DoubleIdPatience);
        _lost = new LostPeers(settings.Time, settings.DownAfter);
    }

    private Manifest Manifest => _settings.Model.Manifest;

    private string NodeId => _settings.Initial.NodeId;

    /// <summary>Peers whose link is down. A node without a decoder has no links of its own: it believes what others say of a process that is gone.</summary>
    private IReadOnlySet<string> Suspected(IReadOnlyList<KnownNode> nodes) => _decoder is not null
        ? _suspects.Keys.ToHashSet()
        : nodes.Where(n => n is { Alive: true, Self: false, State: { } }).SelectMany(n => n.State!.Suspects).Where(s => s.Loss > PeerLoss.Silent).Select(s => s.NodeId)
            .Concat(_suspects.Keys).ToHashSet();

    protected override void PreStart()
    {
        _cluster.Subscribe(
            Self, Akka.Cluster.ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(Akka.Cluster.ClusterEvent.IMemberEvent), typeof(Akka.Cluster.ClusterEvent.IReachabilityEvent));
        _replicator.Tell(Dsl.Subscribe(_tableKey, Self));
        _tick = Context.System.Scheduler.ScheduleTellRepeatedlyCancelable(
            _settings.LoadInterval, _settings.LoadInterval, Self, PlacementProtocol.Tick.Instance, Self);
        Publish(urgent: true);
    }

    protected override void PostStop()
    {
        _tick?.Cancel();
        _cluster.Unsubscribe(Self);
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Akka.Cluster.ClusterEvent.IMemberEvent e:
                OnMember(e);
                break;
            case Akka.Cluster.ClusterEvent.ReachabilityEvent e:
                _members.On(e);
                Recompute();
                break;
            case Changed { Data: NodeState state } changed:
                if (_members.Set(changed.Key.Id, state))
                    Recompute();
                break;
            case Changed { Data: PlacementTable table }:
                OnTable(table);
                break;
            case ExpertGroupProtocol.Report report:
                _own.Set(report.Device, report.Group);
                Publish(urgent: true);
                break;
            case ExpertGroupProtocol.Stopped stopped:
                if (_own.Remove(stopped.Device))
                    Publish(urgent: true);
                break;
            case PlacementProtocol.Tick:
                OnTick();
                break;
            case IUpdateResponse:
                break;
            case PlacementProtocol.IMessage own:
                OnOwn(own);
                break;
            case Terminated dead:
                _followers.Remove(dead.ActorRef);
                _coordinator = dead.ActorRef.Equals(_coordinator) ? null : _coordinator;
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>What this node's other actors say.</summary>
    private void OnOwn(PlacementProtocol.IMessage message)
    {
        switch (message)
        {
            case PlacementProtocol.PeerSuspected suspected:
                OnSuspected(suspected);
                break;
            case PlacementProtocol.PeerTrusted trusted:
                OnTrusted(trusted.NodeId);
                break;
            case PlacementProtocol.Decided decided:
                OnTable(decided.Table);
                break;
            case PlacementProtocol.FollowKnowledge follow:
                _coordinator = Context.Watch(follow.Coordinator);
                TellCoordinator(_members.Nodes());
                break;
            case PlacementProtocol.DecoderUp up:
                _decoder = up.Decoder;
                _decoderTrouble = "";
                Publish(urgent: true);
                break;
            case PlacementProtocol.DecoderDown down:
                _decoder = null;
                _decoderTrouble = "decoder: " + down.Reason;
                Publish(urgent: true);
                break;
            case PlacementProtocol.FollowRoutes follow:
                _followers.Add(Context.Watch(follow.Router));
                follow.Router.Tell(new RouterProtocol.RoutesChanged(_routes), Self);
                break;
            case PlacementProtocol.KeepGroups keep:
                _region = keep.Region;
                Follow();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnMember(Akka.Cluster.ClusterEvent.IMemberEvent e)
    {
        var key = KeyOf(e.Member.UniqueAddress);
        switch (_members.On(e, key.Id))
        {
            case MemberChange.Added:
                _replicator.Tell(Dsl.Subscribe(key, Self));
                break;
            case MemberChange.Removed:
                _replicator.Tell(Dsl.Unsubscribe(key, Self));
                // Its process never comes back under this key; whoever hears of the removal clears it away.
                _replicator.Tell(Dsl.Delete(key, WriteLocal.Instance));
                ForgetSuspects();
                break;
        }
        Recompute();
    }

    private void OnTable(PlacementTable table)
    {
        var merged = _table.Merge(table);
        if (ReferenceEquals(merged, _table))
            return;
        _table = merged;
        Recompute();
        _ensured = 0;
        Follow();
    }

    private void OnSuspected(PlacementProtocol.PeerSuspected suspected)
    {
        bool known = _suspects.TryGetValue(suspected.NodeId, out var before);
        _suspects[suspected.NodeId] = (known && before.Loss > suspected.Loss ? before.Loss : suspected.Loss, known ? before.Since : _settings.Time.GetTimestamp());
        if (known && before.Loss == _suspects[suspected.NodeId].Loss)
            return;
        // Who leaves as it was told to ends its links: no news.
        if (!known && !_members.Nodes().Any(n => n.IsLeaving && n.State?.NodeId == suspected.NodeId))
            _settings.Events.Record(ClusterEventKind.PeerSuspected, suspected.NodeId, suspected.Reason);
        Publish(urgent: true);
        Follow();
    }

    private void OnTrusted(string nodeId)
    {
        if (!_suspects.Remove(nodeId, out var suspect))
            return;
        _settings.Events.Record(
            ClusterEventKind.PeerTrusted, nodeId, "the link is up again", _settings.Time.GetElapsedTime(suspect.Since));
        Publish(urgent: true);
        Follow();
    }

    private void ForgetSuspects()
    {
        var known = _members.Nodes().Select(n => n.State?.NodeId).ToHashSet();
        foreach (string gone in _suspects.Keys.Where(s => !known.Contains(s)).ToArray())
            _suspects.Remove(gone);
    }

    private void OnTick()
    {
        // Somebody waits for a node that is drained to say that it is empty: gossip may take seconds.
        Publish(urgent: _table.DutyOf(NodeId) == NodeDuty.Drains && _table.Operations.Any(o => o.IsRunning));
        Follow();
        foreach (string address in _lost.Follow(PeerDowning.Wanted(_members.Nodes())))
            Down(address);
        string? elder = _members.ElderNamed(NodeId);
        if (_double.Follow(elder))
            _settings.Refused($"another node of the cluster, at {elder}, goes by the id {NodeId} too: each needs its own");
    }

    private void Down(string address)
    {
        string node = _members.Nodes().First(n => n.Address == address).State!.NodeId;
        _settings.Events.Record(ClusterEventKind.NodeDowned, node, "its process is gone: those that were connected cannot connect again");
        _cluster.Down(Address.Parse(address));
    }

    /// <param name="urgent">Push to every node now, rather than with the next gossip.</param>
    private void Publish(bool urgent)
    {
        var (rows, tokens) = _settings.Counters.Read();
        _state = _state with
        {
            Version = _state.Version + 1,
            Groups = _own.Groups,
            Decoder = _decoder is null ? "" : _decoder.Path.ToSerializationFormatWithAddress(_cluster.SelfAddress),
            Load = _decoder is null ? null : _settings.Load.Value,
            Rows = rows,
            Tokens = tokens,
            Detail = _decoderTrouble.Length > 0 ? _decoderTrouble : _settings.Concern() ?? "",
            Suspects = [.. _suspects.Select(s => new Suspicion(s.Key, s.Value.Loss))],
            Files = _settings.Files(),
            Computed = _settings.Devices.Computed,
        };
        _members.Set(_key.Id, _state);
        IWriteConsistency how = urgent && _members.Count > 1 ? new WriteAll(_settings.WriteTimeout) : WriteLocal.Instance;
        var state = _state;
        _replicator.Tell(Dsl.Update(_key, state, how, present => present.Merge(state)));
        Recompute();
    }

    private void Recompute()
    {
        var nodes = _members.Nodes();
        var suspected = Suspected(nodes);
        var routes = Placement.Routes.Of(nodes, _table, suspected, Manifest, _routes);
        if (!ReferenceEquals(routes, _routes))
        {
            _routes = routes;
            foreach (var router in _followers)
                router.Tell(new RouterProtocol.RoutesChanged(routes), Self);
        }
        foreach (var node in nodes)
            if (node.State is { } s && ClusterKnowledge.Mismatch(s, Manifest) is { } why && _warned.Add(node.Address + why))
                _log.Warning("node {0} at {1} is not used: it {2}", s.NodeId, node.Address, why);
        _settings.Directory.Set(_table, nodes);
        _view.Set(
            ClusterKnowledge.Snapshot(nodes, Manifest, _table, routes, suspected, _settings.Model.Group.Length), Decoders(nodes, suspected),
            ClusterKnowledge.SpansHosts(nodes));
        StandIn(nodes, suspected);
        TellCoordinator(nodes);
    }

    private void StandIn(IReadOnlyList<KnownNode> nodes, IReadOnlySet<string> suspected)
    {
        for (int g = 0; g < Manifest.Shape.Groups; g++)
            if (!_served.Contains(g) && StandIns.HasOwner(nodes, suspected, g, Manifest))
                _served.Add(g);
        var wanted = StandIns.Wanted(nodes, suspected, _state.Files.ToHashSet(), _served, Manifest);
        foreach (int g in _standIns.Follow(wanted, g => Context.ActorOf(_settings.StandIn(g))))
        {
            _log.Info("group {0} has no owner that can be reached: this node stands in", g);
            _settings.Events.Record(ClusterEventKind.StoodIn, FormattableString.Invariant($"group {g}"), $"{NodeId} stands in for an owner that cannot be reached");
        }
    }

    private void TellCoordinator(IReadOnlyList<KnownNode> nodes) => _coordinator?.Tell(new PlacementProtocol.Knowledge(nodes, _table), Self);

    private ImmutableArray<DecoderNode> Decoders(IReadOnlyList<KnownNode> nodes, IReadOnlySet<string> suspected)
    {
        var provider = ((ExtendedActorSystem)Context.System).Provider;
        return [.. nodes
            .Where(n => ClusterKnowledge.IsRoutable(n, Manifest) && n.State!.Decoder.Length > 0 && n.State.Load is not null)
            .OrderBy(n => n.Address, StringComparer.Ordinal)
            .Select(n => new DecoderNode(
                n.State!.NodeId, n.Self ? _decoder! : provider.ResolveActorRef(n.State.Decoder), n.State.Load!.Value, n.Self)
            {
                Duty = _table.DutyOf(n.State.NodeId), Suspected = !n.Self && suspected.Contains(n.State.NodeId),
            })];
    }

    /// <summary>Brings this node to what the table says of it: asks for incarnations that lack, ends those that have no place, leaves when it is told to.</summary>
    private void Follow()
    {
        if (_table.Version == 0)
            return;
        foreach (var device in _own.Ended(_table, NodeId).ToArray())
            device.Tell(ExpertGroupProtocol.Retire.Instance);
        if (_table.Leaves(NodeId))
            _settings.Leave("the cluster was scaled in or the node was drained to leave");
        if (_region is null || (_ensured != 0 && _settings.Time.GetElapsedTime(_ensured) < _settings.EnsureInterval))
            return;
        _ensured = _settings.Time.GetTimestamp();
        foreach (var i in _own.Lacking(_table, NodeId))
            _region.Tell(new EnsureGroup(i.Group, i.Number), Self);
    }

    private static NodeStateKey KeyOf(UniqueAddress address) => new(address.Address.ToString(), address.Uid);
}
