using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Event;
using Akka.Persistence;
using PanguCluster.Actors.Sessions.Book;
using static PanguCluster.Actors.Sessions.SessionProtocol;

namespace PanguCluster.Actors.Sessions;

/// <summary>
/// The record of one session. What it acknowledges is on disk. When the journal fails it stops, and starts again with the next message:
/// its streams go on meanwhile, and send again what was not acknowledged.
/// </summary>
internal sealed partial class SessionActor : UntypedPersistentActor
{
    public const string IdPrefix = "session-";

    /// <summary>Events after which a snapshot takes their place: recovery stays bounded.</summary>
    public const int EventsPerSnapshot = 64;

    /// <summary>An ended session of fewer events is as small without a snapshot.</summary>
    private const int EventsWorthCompacting = 8;

    private readonly string _id;
    private readonly SessionSettings _settings;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly SessionStreams _streams = new(Context);
    private readonly SessionPublisher _publisher;
    private readonly List<IActorRef> _waiting = []; // who has asked to open while the journal is read
    private RecordedSession? _session;
    private IActorRef? _opening; // whose open is on its way to the disk
    private bool _cancelling;
    private int _events; // since the last snapshot

    public SessionActor(string id, SessionSettings settings)
    {
        _id = id;
        _settings = settings;
        _publisher = new SessionPublisher(id, settings);
        PersistenceId = IdPrefix + id;
    }

    /// <summary>The shard moves: end when what is at hand is done.</summary>
    public sealed class Stop : INoSerializationVerificationNeeded
    {
        public static readonly Stop Instance = new();
    }

    public override string PersistenceId { get; }

    /// <summary>Snapshots are events: see <see cref="Compact"/>.</summary>
    public override Recovery Recovery => new(SnapshotSelectionCriteria.None);

    private DateTimeOffset Now => _settings.Time.GetUtcNow();

    protected override void PreStart()
    {
        base.PreStart();
        SetReceiveTimeout(_settings.Options.Silence);
    }

    protected override bool AroundReceive(Receive receive, object message)
    {
        if (IsRecovering && message is Open or Attach)
            _waiting.Add(Sender);
        return base.AroundReceive(receive, message);
    }

    protected override void OnRecover(object message)
    {
        switch (message)
        {
            case SessionSnapshot snapshot:
                _session = RecordedSession.Of(snapshot);
                _events = 0;
                break;
            case ISessionEvent e:
                _session = RecordedSession.Apply(_session, e);
                _events++;
                break;
            case RecoveryCompleted:
                _waiting.Clear();
                break;
        }
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        _log.Warning("session {0} cannot be read: {1}", _id, reason.Message);
        foreach (var stream in _waiting)
            stream.Tell(SessionAnswers.Unavailable(_id, reason), Self);
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        _log.Warning("session {0} cannot be recorded: {1}", _id, cause.Message);
        _settings.Writer.Tell(new SessionIndexWriter.Trouble(cause.Message), Self);
        _opening?.Tell(SessionAnswers.Unavailable(_id, cause), Self);
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        _log.Error(cause, "session {0} cannot be written down", _id);
        _opening?.Tell(SessionAnswers.Unavailable(_id, cause), Self);
        _opening = null;
    }

    protected override void OnCommand(object message)
    {
        switch (message)
        {
            case Open open:
                OnOpen(open);
                break;
            case Attach attach:
                OnAttach(attach);
                break;
            case Record r:
                OnTokens(r.Attempt, r.NodeId, r.Choice, r.FirstIndex, r.Tokens, null);
                break;
            case End e:
                OnTokens(e.Attempt, e.NodeId, e.Choice, e.FirstIndex, e.Tokens, e.Outcome);
                break;
            case CancelSession cancel:
                OnCancel(cancel);
                break;
            case Read read:
                Sender.Tell(SessionAnswers.Page(_id, _session, read), Self);
                break;
            case Inspect inspect:
                OnInspect(inspect);
                break;
            case Terminated dead:
                OnStreamGone(dead.ActorRef);
                break;
            case DeleteMessagesSuccess or DeleteMessagesFailure: // what was not deleted goes with the next snapshot
                break;
            case ReceiveTimeout:
                OnSilence();
                break;
            case Stop:
                Context.Stop(Self);
                break;
        }
        if (_session is null && message is ICommand && _opening is null)
            Passivate();
    }

    private void PersistThen(ISessionEvent e, Action then) => Persist(e, applied =>
    {
        Apply(applied);
        CompactIfDue();
        then();
        _opening = null;
        Publish();
    });

    private void Apply(ISessionEvent e)
    {
        _session = RecordedSession.Apply(_session, e);
        _events++;
        if (_session.Ended)
            _streams.Clear();
    }

    private void CompactIfDue()
    {
        if (_events >= EventsPerSnapshot || (_session!.Ended && _events >= EventsWorthCompacting))
            Compact();
    }

    /// <summary>
    /// The snapshot is one more event, and those before it go. In the journal it is written with the same batch as everybody's events, and recovery is
    /// one query; a snapshot store is one more of each.
    /// </summary>
    private void Compact()
    {
        _events = 0;
        PersistAsync(_session!.ToSnapshot(), _ => DeleteMessages(LastSequenceNr - 1));
    }

    private void TellOpened(IActorRef stream) => stream.Tell(SessionAnswers.Opened(_id, _session!), Self);

    private void Publish() => _publisher.Publish(_session, _streams.Current is not null, LastSequenceNr);

    private void Passivate() => Context.Parent.Tell(new Passivate(Stop.Instance), Self);
}
