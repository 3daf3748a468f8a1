using Akka.Actor;
using Akka.Cluster;
using Akka.DistributedData;
using AkkaEvents = Akka.Cluster.ClusterEvent;

namespace PanguCluster.Actors.Events;

/// <summary>One per node. Replicates what this node records, hears what the others have, and records what becomes of the members.</summary>
public sealed class EventLogActor : UntypedActor
{
    /// <summary>A burst goes out as one update of each page it touches.</summary>
    private static readonly TimeSpan Coalesce = TimeSpan.FromMilliseconds(50);

    /// <summary>An event is on so many nodes at once, before gossip has carried it everywhere.</summary>
    private const int PushedTo = 3;

    private static readonly TimeSpan PushTimeout = TimeSpan.FromMilliseconds(500);

    private readonly ClusterEventLog _log;
    private readonly MembershipEvents _membership;
    private readonly Cluster _cluster = Cluster.Get(Context.System);
    private readonly IActorRef _replicator = DistributedData.Get(Context.System).Replicator;
    private ICancelable? _tick;

    public EventLogActor(ClusterEventLog log, Func<string, string?> nodeIdOf, TimeProvider time)
    {
        _log = log;
        _membership = new MembershipEvents(nodeIdOf, log.Knows, time);
    }

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }

    protected override void PreStart()
    {
        foreach (var key in EventPageKey.All)
            _replicator.Tell(Dsl.Subscribe(key, Self));
        // A snapshot first: what happened before this node came is the others' to tell.
        _cluster.Subscribe(
            Self, AkkaEvents.SubscriptionInitialStateMode.InitialStateAsSnapshot, typeof(AkkaEvents.IMemberEvent), typeof(AkkaEvents.IReachabilityEvent));
        _tick = Context.System.Scheduler.ScheduleTellRepeatedlyCancelable(Coalesce, Coalesce, Self, Tick.Instance, Self);
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
            case Changed { Data: EventPage page, Key: EventPageKey key }:
                _log.Learn(key.Page, page);
                break;
            case AkkaEvents.CurrentClusterState:
                break;
            case AkkaEvents.IMemberEvent e:
                _membership.On(e);
                break;
            case AkkaEvents.ReachabilityEvent e:
                _membership.On(e);
                break;
            case Tick:
                bool leader = _cluster.SelfAddress.Equals(_cluster.State.Leader);
                foreach (var e in _membership.Due(leader))
                    _log.Record(e);
                Flush();
                break;
            case IUpdateResponse:
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Flush()
    {
        var taken = new List<ClusterEvent>();
        while (taken.Count < ClusterEventLog.MaxPending && _log.Pending.TryRead(out var e))
            taken.Add(e);
        int members = _cluster.State.Members.Count;
        IWriteConsistency how = members > 1 ? new WriteTo(Math.Min(PushedTo, members), PushTimeout) : WriteLocal.Instance;
        foreach (var events in taken.GroupBy(EventPageKey.Of))
            _replicator.Tell(Dsl.Update(events.Key, EventPage.Empty, how, page => page.Add(events)));
    }
}
