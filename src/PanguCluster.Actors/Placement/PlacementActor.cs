using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Akka.DistributedData;
using Akka.Event;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>
/// One per node. Publishes what this node has, gathers what the others have, works out the route table and the operator's view, and,
/// on one node of the cluster, keeps every group running.
/// </summary>
public sealed class PlacementActor : UntypedActor
{
    private readonly PlacementSettings _settings;
    private readonly ClusterView _view;
    private readonly Cluster _cluster = Cluster.Get(Context.System);
    private readonly IActorRef _replicator = DistributedData.Get(Context.System).Replicator;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly MemberBook _members;
    private readonly Dictionary<int, (OwnedGroup Group, IActorRef Device)> _own = [];
    private readonly HashSet<IActorRef> _followers = [];
    private readonly HashSet<string> _warned = [];
    private readonly NodeStateKey _key;
    private RouteTable _routes;
    private NodeState _state;
    private string _decoderTrouble = "";
    private IActorRef? _decoder;
    private IActorRef? _region;
    private ICancelable? _tick;
    private readonly long _started;
    private long _kept;

    public PlacementActor(PlacementSettings settings, ClusterView view)
    {
        _settings = settings;
        _view = view;
        _members = new MemberBook(_cluster.SelfUniqueAddress);
        _key = KeyOf(_cluster.SelfUniqueAddress);
        _routes = RouteTable.Empty(Manifest.Shape.Groups);
        _state = settings.Initial;
        _started = settings.Time.GetTimestamp();
    }

    private Manifest Manifest => _settings.Model.Manifest;

    protected override void PreStart()
    {
        _cluster.Subscribe(
            Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.IMemberEvent), typeof(ClusterEvent.IReachabilityEvent));
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
            case ClusterEvent.IMemberEvent e:
                OnMember(e);
                break;
            case ClusterEvent.ReachabilityEvent e:
                _members.On(e);
                Recompute();
                break;
            case Changed { Data: NodeState state } changed:
                if (_members.Set(changed.Key.Id, state))
                    Recompute();
                break;
            case ExpertGroupProtocol.Report report:
                _own[report.Group.Group] = (report.Group, report.Device);
                Publish(urgent: true);
                break;
            case ExpertGroupProtocol.Stopped stopped:
                if (_own.TryGetValue(stopped.Group, out var own) && own.Device.Equals(stopped.Device) && _own.Remove(stopped.Group))
                    Publish(urgent: true);
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
            case Terminated dead:
                _followers.Remove(dead.ActorRef);
                break;
            case PlacementProtocol.KeepGroups keep:
                _region = keep.Region;
                break;
            case PlacementProtocol.Tick:
                Publish(urgent: false);
                Keep();
                break;
            case IUpdateResponse:
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnMember(ClusterEvent.IMemberEvent e)
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
                break;
        }
        Recompute();
    }

    /// <param name="urgent">Push to every node now, rather than with the next gossip.</param>
    private void Publish(bool urgent)
    {
        var (rows, tokens) = _settings.Counters.Read();
        _state = _state with
        {
            Version = _state.Version + 1,
            Groups = [.. _own.Values.Select(o => o.Group).OrderBy(g => g.Group)],
            Decoder = _decoder is null ? "" : _decoder.Path.ToSerializationFormatWithAddress(_cluster.SelfAddress),
            Load = _decoder is null ? null : _settings.Load.Value,
            Rows = rows,
            Tokens = tokens,
            Detail = _decoderTrouble.Length > 0 ? _decoderTrouble : _settings.Concern() ?? "",
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
        var routes = ClusterKnowledge.Routes(nodes, Manifest, _routes);
        if (!ReferenceEquals(routes, _routes))
        {
            _routes = routes;
            foreach (var router in _followers)
                router.Tell(new RouterProtocol.RoutesChanged(routes), Self);
        }
        foreach (var node in nodes)
            if (node.State is { } s && ClusterKnowledge.Mismatch(s, Manifest) is { } why && _warned.Add(node.Address + why))
                _log.Warning("node {0} at {1} is not used: it {2}", s.NodeId, node.Address, why);
        _view.Set(ClusterKnowledge.Snapshot(nodes, Manifest, routes, _settings.Model.Group.Length), Decoders(nodes), ClusterKnowledge.SpansHosts(nodes));
    }

    private ImmutableArray<DecoderNode> Decoders(IReadOnlyList<KnownNode> nodes)
    {
        var provider = ((ExtendedActorSystem)Context.System).Provider;
        return [.. nodes
            .Where(n => ClusterKnowledge.IsRoutable(n, Manifest) && n.State!.Decoder.Length > 0 && n.State.Load is not null)
            .OrderBy(n => n.Address, StringComparer.Ordinal)
            .Select(n => new DecoderNode(
                n.State!.NodeId, n.Self ? _decoder! : provider.ResolveActorRef(n.State.Decoder), n.State.Load!.Value, n.Self))];
    }

    /// <summary>Asks for every group nobody has. A second request for one that is on its way changes nothing.</summary>
    private void Keep()
    {
        var nodes = _members.Nodes();
        if (_region is null || !ClusterKnowledge.IsKeeper(nodes, Manifest))
            return;
        // Asked too early, the regions would buffer and complain until the allocation has its nodes.
        bool early = nodes.Count(n => ClusterKnowledge.IsExpert(n, Manifest)) < _settings.MinExpertNodes;
        if (_kept == 0 && early && _settings.Time.GetElapsedTime(_started) < _settings.ExpertPatience)
            return;
        if (_kept != 0 && _settings.Time.GetElapsedTime(_kept) < _settings.KeepInterval)
            return;
        _kept = _settings.Time.GetTimestamp();
        foreach (int group in ClusterKnowledge.Missing(nodes, Manifest))
            _region.Tell(new EnsureGroup(group), Self);
    }

    private static NodeStateKey KeyOf(UniqueAddress address) => new(address.Address.ToString(), address.Uid);
}
