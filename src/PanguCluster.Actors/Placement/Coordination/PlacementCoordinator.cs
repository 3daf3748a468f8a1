using Akka.Actor;
using Akka.DistributedData;
using Akka.Event;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement.Coordination;

/// <param name="Placement">The placement actor of the coordinator's own node: its eyes.</param>
/// <param name="Launcher">Null: nothing starts nodes here.</param>
public sealed record CoordinatorSettings(
    string NodeId, Manifest Manifest, PlacementRules Rules, IActorRef Placement, INodeLauncher? Launcher, IClusterEvents Events, TimeProvider Time);

/// <summary>
/// A cluster singleton that decides: it takes the table's next step whenever something has changed, writes it down, and answers operators. All its memory is the
/// replicated table; whoever is singleton next goes on from there, and meanwhile everything that was decided goes on without it.
/// </summary>
public sealed class PlacementCoordinator : UntypedActor, IWithTimers, IWithUnboundedStash
{
    private const int RememberedRequests = 1000;

    private sealed class Tick : INoSerializationVerificationNeeded
    {
        public static readonly Tick Instance = new();
    }

    private sealed record LaunchEnded(string NodeId, Exception? Error) : INoSerializationVerificationNeeded;

    private static readonly TimeSpan TickEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(1);

    private readonly CoordinatorSettings _settings;
    private readonly PlacementTableKey _key;
    private readonly IActorRef _replicator = DistributedData.Get(Context.System).Replicator;
    private readonly Dictionary<string, ControlReply> _answered = [];
    private readonly Queue<string> _answeredOrder = new();
    private readonly MoveJournal _moves;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly long _started;
    private PlacementTable _table = PlacementTable.Empty;
    private IReadOnlyList<KnownNode> _nodes = [];

    public PlacementCoordinator(CoordinatorSettings settings)
    {
        _settings = settings;
        _key = new PlacementTableKey(settings.Manifest.Digest);
        _moves = new MoveJournal(settings.Events);
        _started = settings.Time.GetTimestamp();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    protected override void PreStart()
    {
        _replicator.Tell(Dsl.Get(_key, new ReadMajority(WriteTimeout)));
        Timers.StartPeriodicTimer(Tick.Instance, Tick.Instance, TickEvery);
    }

    /// <summary>Until the table is read.</summary>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case IGetResponse { IsSuccessful: true } read:
                Begin(read.Get(_key));
                break;
            case IGetResponse { IsFound: false }:
                Begin(PlacementTable.Empty);
                break;
            case IGetResponse:
                // Not a majority answers: what this node has itself is at least as good as waiting.
                _replicator.Tell(Dsl.Get(_key, ReadLocal.Instance));
                break;
            case Tick:
                break;
            default:
                Stash.Stash();
                break;
        }
    }

    private void Begin(PlacementTable table)
    {
        _table = table;
        Stash.UnstashAll();
        Become(Coordinating);
        _settings.Placement.Tell(new PlacementProtocol.FollowKnowledge(Self), Self);
        _settings.Events.Record(ClusterEventKind.CoordinatorStarted, _settings.NodeId, $"goes on from placement epoch {table.Epoch}");
    }

    private void Coordinating(object message)
    {
        switch (message)
        {
            case PlacementProtocol.Knowledge knowledge:
                _nodes = knowledge.Nodes;
                // A partition may have had another writer.
                _table = _table.Merge(knowledge.Table);
                Step();
                break;
            case Tick:
                Step();
                break;
            case ControlProtocol.Request request:
                Sender.Tell(new ControlProtocol.Answer(request.RequestId, Answer(request)), Self);
                break;
            case LaunchEnded { Error: { } error } ended:
                _log.Warning("node {0} could not be started: {1}", ended.NodeId, error.Message);
                Decide(ScaleStep.LaunchFailed(_table, ended.NodeId, error.Message, _settings.Rules, Now));
                break;
            case LaunchEnded:
            case IUpdateResponse:
            case IGetResponse:
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private long Now => _settings.Time.GetUtcNow().ToUnixTimeMilliseconds();

    private ClusterFacts Facts => new(_nodes, _settings.Manifest, Now, (long)_settings.Time.GetElapsedTime(_started).TotalMilliseconds);

    private void Step()
    {
        if (_nodes.Count == 0)
            return;
        var outcome = PlacementReconciler.Step(_table, Facts, _settings.Rules);
        // Written down before anything is started: who dies in between has at least said so.
        Decide(outcome.Table);
        foreach (string node in outcome.Start)
            Launch(node);
        foreach (string node in outcome.Stop)
            Reap(node);
    }

    private void Decide(PlacementTable table)
    {
        bool mine = _table.Coordinator == _settings.NodeId && _table.Replicas == _settings.Rules.Replicas;
        if (ReferenceEquals(table, _table) && mine)
            return;
        table = table with { Coordinator = _settings.NodeId, Replicas = _settings.Rules.Replicas, Version = Math.Max(table.Version, _table.Version + 1) };
        _moves.Changed(_table, table, Now);
        _table = table;
        _settings.Placement.Tell(new PlacementProtocol.Decided(table), Self);
        IWriteConsistency how = _nodes.Count > 1 ? new WriteAll(WriteTimeout) : WriteLocal.Instance;
        _replicator.Tell(Dsl.Update(_key, table, how, present => present.Merge(table)));
    }

    private ControlReply Answer(ControlProtocol.Request request)
    {
        if (_answered.TryGetValue(request.RequestId, out var before))
            return before;
        string operationId = request.RequestId[..Math.Min(8, request.RequestId.Length)];
        var (table, reply) = ControlRules.Apply(_table, request.Command, Facts, _settings.Rules, operationId, _settings.Launcher?.Name);
        Decide(table);
        _answered.Add(request.RequestId, reply);
        _answeredOrder.Enqueue(request.RequestId);
        if (_answeredOrder.Count > RememberedRequests)
            _answered.Remove(_answeredOrder.Dequeue());
        Step();
        return reply;
    }

    private void Launch(string node)
    {
        string[] seeds = [.. _nodes.Where(n => n is { Alive: true, IsLeaving: false }).OrderByDescending(n => n.Self).Take(5).Select(n => HostAndPort(n.Address))];
        int expected = _nodes.Count(n => n.Alive) + 1;
        _settings.Events.Record(ClusterEventKind.ScaleStep, node, $"is started by launcher {_settings.Launcher?.Name ?? "none"}");
        var self = Self;
        var starting = _settings.Launcher is { } launcher
            ? launcher.StartAsync(new LaunchRequest(node, seeds, expected), CancellationToken.None)
            : Task.FromException(new LaunchException("the coordinator's node has no launcher"));
        starting.ContinueWith(
            t => self.Tell(new LaunchEnded(node, t.Exception?.GetBaseException()), self),
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void Reap(string node)
    {
        _settings.Events.Record(ClusterEventKind.ScaleStep, node, "is gone");
        if (_settings.Launcher is not { } launcher)
            return;
        var log = _log;
        launcher.StopAsync(node, CancellationToken.None).ContinueWith(
            t => log.Warning("what is left of node {0} could not be stopped: {1}", node, t.Exception!.GetBaseException().Message),
            CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    private static string HostAndPort(string address)
    {
        var parsed = Address.Parse(address);
        return FormattableString.Invariant($"{parsed.Host}:{parsed.Port}");
    }
}
