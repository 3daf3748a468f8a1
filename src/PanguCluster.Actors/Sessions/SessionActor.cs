using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Event;
using Akka.Persistence;
using PanguCluster.Actors.Sessions.Book;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using static PanguCluster.Actors.Sessions.SessionProtocol;

namespace PanguCluster.Actors.Sessions;

/// <summary>
/// The record of one session. What it acknowledges is on disk. When the journal fails it stops, and starts again with the next message:
/// its streams go on meanwhile, and send again what was not acknowledged.
/// </summary>
internal sealed class SessionActor : UntypedPersistentActor
{
    public const string IdPrefix = "session-";

    /// <summary>Events after which a snapshot takes their place: recovery stays bounded.</summary>
    private const int EventsPerSnapshot = 64;

    /// <summary>An ended session of fewer events is as small without a snapshot.</summary>
    private const int EventsWorthCompacting = 8;

    /// <summary>Progress of a running session reaches the listing this often.</summary>
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(3);

    private readonly string _id;
    private readonly SessionSettings _settings;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly List<IActorRef> _waiting = []; // who has asked to open while the journal is read
    private RecordedSession? _session;
    private IActorRef? _stream;
    private readonly List<IActorRef> _former = []; // superseded, and perhaps still serving callers of their own
    private IActorRef? _opening; // whose open is on its way to the disk
    private bool _cancelling;
    private int _events; // since the last snapshot
    private (SessionState State, int Resumes, string NodeId)? _published;
    private long _publishedAt;

    public SessionActor(string id, SessionSettings settings)
    {
        _id = id;
        _settings = settings;
        PersistenceId = IdPrefix + id;
    }

    /// <summary>The shard moves: end when what is at hand is done.</summary>
    public sealed class Stop : INoSerializationVerificationNeeded
    {
        public static readonly Stop Instance = new();
    }

    private sealed record Erased(Exception? Failure) : INoSerializationVerificationNeeded;

    public override string PersistenceId { get; }

    /// <summary>Snapshots are events: see <see cref="Compact"/>.</summary>
    public override Recovery Recovery => new(SnapshotSelectionCriteria.None);

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
            stream.Tell(Unavailable(reason), Self);
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        _log.Warning("session {0} cannot be recorded: {1}", _id, cause.Message);
        _opening?.Tell(Unavailable(cause), Self);
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        _log.Error(cause, "session {0} cannot be written down", _id);
        _opening?.Tell(Unavailable(cause), Self);
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
                OnTokens(r.Attempt, r.Choice, r.FirstIndex, r.Tokens, null);
                break;
            case End e:
                OnTokens(e.Attempt, e.Choice, e.FirstIndex, e.Tokens, e.Outcome);
                break;
            case CancelSession cancel:
                OnCancel(cancel);
                break;
            case Read read:
                Sender.Tell(PageOf(read), Self);
                break;
            case Inspect inspect:
                OnInspect(inspect);
                break;
            case Terminated dead when dead.ActorRef.Equals(_stream):
                OnStreamGone();
                break;
            case DeleteMessagesSuccess or DeleteMessagesFailure: // what was not deleted goes with the next snapshot
                break;
            case ReceiveTimeout:
                OnStreamGone();
                Passivate();
                break;
            case Stop:
                Context.Stop(Self);
                break;
        }
        if (_session is null && message is ICommand && _opening is null)
            Passivate();
    }

    private void OnOpen(Open open)
    {
        if (_session is { } known)
        {
            if (known.Request.Asks(open.Request))
                Join(open.Stream, open.NodeId, resume: false);
            else
                open.Stream.Tell(new OpenRefused(_id, FailureKind.Conflict, Conflict(known.Request, open.Request)), Self);
            return;
        }
        if (_settings.Refusal() is { } refusal)
        {
            open.Stream.Tell(new OpenRefused(_id, FailureKind.Unavailable, refusal), Self);
            return;
        }
        _opening = open.Stream;
        PersistThen(new Accepted(open.Request, open.NodeId), () =>
        {
            TakeOver(open.Stream);
            open.Stream.Tell(WhatIsKnown(), Self);
        });
    }

    private string Conflict(SessionRecord known, SessionRecord asked) => known.Owner == asked.Owner && known.ModelDigest != asked.ModelDigest
        ? $"session {_id} was computed with another model ({known.ModelDigest}); give the request another session id"
        : $"session {_id} belongs to another request; give this one another session id";

    private void OnAttach(Attach attach)
    {
        if (_session is null || _session.Request.Owner != attach.Owner)
            attach.Stream.Tell(new OpenRefused(_id, FailureKind.NotFound, "no such session"), Self);
        else
            Join(attach.Stream, attach.NodeId, resume: true);
    }

    /// <summary>One more stream for a session that is on disk.</summary>
    private void Join(IActorRef stream, string nodeId, bool resume)
    {
        if (stream.Equals(_stream))
        {
            stream.Tell(WhatIsKnown(), Self);
            return;
        }
        bool answered = _session!.Ended; // nothing is left to be at work on: who looks need not wait for the disk
        if (answered)
            stream.Tell(WhatIsKnown(), Self);
        if (answered && !resume)
            return;
        _opening = answered ? null : stream;
        PersistThen(new Attached(_session.Attempt + 1, resume, nodeId, Now), () =>
        {
            if (answered)
                return;
            var before = _stream;
            TakeOver(stream);
            if (before is not null)
            {
                _former.Add(before);
                before.Tell(new Superseded(_id, _session.Attempt), Self);
            }
            stream.Tell(WhatIsKnown(), Self);
        });
    }

    private void OnTokens(int attempt, int choice, int firstIndex, IReadOnlyList<RecordedToken> tokens, RecordedEnd? end)
    {
        if (_session is not { } session || choice >= session.Choices.Length || (long)firstIndex + tokens.Count > session.Request.MaxTokens)
            return;
        if (attempt < session.Attempt)
        {
            Sender.Tell(new Superseded(_id, session.Attempt), Self);
            return;
        }
        var verdict = session.Judge(choice, firstIndex, tokens);
        if (verdict.Differs is { } index)
        {
            _settings.Counters.Violated();
            _log.Error("determinism violation in session {0}, choice {1}: token {2} is not the recorded one", _id, choice, index);
        }
        if (session.Choices[choice].End is not null)
            Sender.Tell(end is null ? Recorded(choice) : new Ended(_id, choice), Self);
        else if (!session.Ended)
            Extend(choice, verdict, end);
    }

    private void Extend(int choice, TokenVerdict verdict, RecordedEnd? end)
    {
        TakeOver(Sender);
        int count = _session!.Choices[choice].Tokens.Count;
        if (verdict.Gap || (end is null && verdict.Fresh.Count == 0))
        {
            Sender.Tell(Recorded(choice), Self);
            Publish();
        }
        else if (end is null)
            PersistThen(new TokensRecorded(choice, count, verdict.Fresh, Now), () => Sender.Tell(Recorded(choice), Self));
        else
            PersistThen(new ChoiceEnded(choice, count, verdict.Fresh, end, Now), () => Sender.Tell(new Ended(_id, choice), Self));
    }

    private void OnCancel(CancelSession cancel)
    {
        bool found = _session is not null && (cancel.Owner is null || cancel.Owner == _session.Request.Owner);
        Sender.Tell(new CancelReply(_id, found), Self);
        if (!found || _session!.Ended)
            return;
        _cancelling = true;
        foreach (var former in _former)
            former.Tell(new CancelStream(_id), Self);
        if (_stream is { } stream)
            stream.Tell(new CancelStream(_id), Self);
        else
            EndAsCancelled();
    }

    private void EndAsCancelled()
    {
        var events = new List<ISessionEvent>();
        for (int c = 0; c < _session!.Choices.Length; c++)
            if (_session.Choices[c].End is null)
                events.Add(new ChoiceEnded(c, _session.Choices[c].Tokens.Count, [], new RecordedEnd(FinishReason.Cancelled), Now));
        PersistAll(events, e => Applied((ISessionEvent)e));
    }

    private void OnStreamGone()
    {
        if (_stream is null)
            return;
        Context.Unwatch(_stream);
        _stream = null;
        if (_cancelling && !_session!.Ended)
            EndAsCancelled();
        Publish();
    }

    private void TakeOver(IActorRef stream)
    {
        if (stream.Equals(_stream))
            return;
        if (_stream is not null)
            Context.Unwatch(_stream);
        _stream = Context.Watch(stream);
        Publish();
    }

    private void PersistThen(ISessionEvent e, Action then) => Persist(e, applied =>
    {
        Applied(applied);
        then();
        _opening = null;
    });

    private void Applied(ISessionEvent e)
    {
        _session = RecordedSession.Apply(_session, e);
        _events++;
        if (_session.Ended && _stream is not null)
        {
            Context.Unwatch(_stream);
            _stream = null;
        }
        Publish();
        if (_events >= EventsPerSnapshot || (_session.Ended && _events >= EventsWorthCompacting))
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

    private void OnInspect(Inspect inspect)
    {
        bool idle = _session is null || (_stream is null && (_session.EndedAt ?? _session.ActiveAt) < inspect.EraseBefore);
        if (!idle)
        {
            _published = null;
            Publish();
            return;
        }
        DeleteMessages(LastSequenceNr);
        BecomeStacked(Erasing);
    }

    /// <summary>Nothing else happens to the session meanwhile: what comes waits, and finds a session or none.</summary>
    private void Erasing(object message)
    {
        switch (message)
        {
            case DeleteMessagesSuccess:
                _settings.Index.EraseAsync(_id, CancellationToken.None)
                    .PipeTo(Self, Self, () => new Erased(null), failure => new Erased(failure));
                break;
            case DeleteMessagesFailure failed:
                AfterErasing(failed.Cause);
                break;
            case Erased erased:
                AfterErasing(erased.Failure);
                break;
            case ReceiveTimeout:
                break;
            default:
                Stash.Stash();
                break;
        }
    }

    private void AfterErasing(Exception? failure)
    {
        if (failure is not null)
            _log.Warning("session {0} cannot be erased yet: {1}", _id, failure.Message);
        else
            (_session, _events) = (null, 0);
        UnbecomeStacked();
        Stash.UnstashAll();
        // A failure leaves memory and journal at odds: read it again.
        Self.Tell(Stop.Instance, Self);
    }

    private Opened WhatIsKnown() => new(_id, _session!.Request, MessageSizing.Fit(_session.Choices), _session.Attempt);

    private Recorded Recorded(int choice) => new(_id, choice, _session!.Choices[choice].Tokens.Count);

    private Page PageOf(Read read)
    {
        if (_session is null || read.Choice < 0 || read.Choice >= _session.Choices.Length)
            return new Page(_id, null, read.Choice, read.FirstIndex, [], []);
        var tokens = _session.Choices[read.Choice].Tokens;
        int first = Math.Clamp(read.FirstIndex, 0, tokens.Count);
        var ids = tokens.GetRange(first, Math.Min(MaxTokensPerPage, tokens.Count - first)).Select(t => t.TokenId);
        return new Page(_id, _session.Request, read.Choice, first, [.. ids], [.. _session.Choices.Select(c => c.Tokens.Count)]);
    }

    private OpenRefused Unavailable(Exception cause) => new(
        _id, FailureKind.Unavailable, $"the journal of sessions is not available, try again in some seconds ({cause.GetType().Name})");

    private void Publish()
    {
        if (_session is not { } s)
            return;
        var now = (s.State(_stream is not null), s.Resumes, s.NodeId);
        if (_published == now && _settings.Time.GetElapsedTime(_publishedAt) < ProgressEvery)
            return;
        _published = now;
        _publishedAt = _settings.Time.GetTimestamp();
        var summary = new SessionSummary(
            _id, now.Item1, s.NodeId, s.Request.Owner, s.Request.AcceptedAt, s.EndedAt, s.Request.Prompt.Length, s.Choices.Length,
            s.GeneratedTokens, s.Resumes, s.Request.Sampling.Seed, s.Request.ModelDigest);
        _settings.Writer.Tell(new SessionRow(summary, LastSequenceNr, _settings.Host, s.ActiveAt), Self);
    }

    private void Passivate() => Context.Parent.Tell(new Passivate(Stop.Instance), Self);

    private DateTimeOffset Now => _settings.Time.GetUtcNow();
}
