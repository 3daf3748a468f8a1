using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Sessions;

namespace PanguCluster.Actors.Streams;

/// <summary>
/// One session at work on this node: its callers (several, or none for a while), its decoders (<see cref="StreamWork"/>) and its record
/// (<see cref="SessionLink"/>). What it brings is in a <see cref="Transcript"/>, which callers read at their own pace.
/// </summary>
internal sealed partial class StreamActor : UntypedActor
{
    private readonly StreamSettings _settings;
    private readonly string _sessionId;
    private readonly Transcript _transcript = new();
    private readonly Seats _seats;
    private readonly List<StreamProtocol.ISeatCall> _waiting = []; // until the request is known
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly StreamTimers _timers = new(Context.System.Scheduler, Context.Self);
    private GenerationRequest? _request;
    private StreamWork? _work;
    private SessionLink? _link;
    private long _endedAt;
    private bool _ended;
    private bool _cancelled;
    private bool _retiring;
    private bool _superseded; // a later stream has the session's record
    private SessionLink? _handedOver; // to that record, while it is superseded
    private bool _detached; // no caller is here

    public StreamActor(StreamSettings settings, string sessionId)
    {
        _settings = settings;
        _sessionId = sessionId;
        _seats = new Seats(_transcript);
    }

    protected override void PreStart() => _settings.Counters.Opened();

    protected override void PostStop()
    {
        _timers.Cancel();
        _work?.Stop();
        if (!_ended)
        {
            Record(flush: true);
            const string Stopping = "this node is stopping; another one can go on with the session";
            _transcript.Fail(FailureKind.Unavailable, Stopping);
            Dismiss(FailureKind.Unavailable, Stopping);
        }
        Attached();
        _settings.Counters.Closed();
    }

    protected override void OnReceive(object message)
    {
        try
        {
            Handle(message);
            if (!_ended && _work is { Failure: { } failure })
                Fail(failure.Kind, failure.Message);
            else if (!_ended && _work is { IsOver: true })
                End();
        }
        catch (Exception e)
        {
            _log.Error(e, "session {0} failed", _sessionId);
            Fail(FailureKind.Internal, "the stream failed: " + e.Message);
        }
    }

    private void Handle(object message)
    {
        switch (message)
        {
            case DecoderProtocol.SequenceToken token:
                OnToken(token);
                break;
            case DecoderProtocol.SequencePrompt prompt:
                _work?.OnPrompt(prompt);
                break;
            case DecoderProtocol.SequenceEnded ended:
                _work?.OnEnded(ended);
                Record(flush: false);
                break;
            case DecoderProtocol.SubmitReply reply:
                _work?.OnReply(reply);
                Show();
                break;
            case Terminated dead:
                _work?.OnDead(dead.ActorRef);
                break;
            case StreamProtocol.DecodersChanged:
                _work?.Review();
                break;
            case StreamProtocol.HandOverNow:
                _work?.OnHandOverNow();
                break;
            case StreamProtocol.PlaceAgain:
                _work?.Review(anew: true);
                break;
            case StreamProtocol.SubmitTimedOut late:
                _work?.OnSubmitTimedOut(late.Id);
                break;
            case SessionProtocol.IMessage session:
                HandleSession(session);
                break;
            default:
                HandleCaller(message);
                break;
        }
    }

    private void Begin(GenerationRequest request)
    {
        _request = request;
        _work = new StreamWork(_settings, request, Context, _timers, _transcript, _log);
    }

    private void Link(SessionLink link)
    {
        _link = link;
        _timers.Record(_settings.Options.Record.Interval);
    }

    private void OnToken(DecoderProtocol.SequenceToken token)
    {
        if (_work is null)
            return;
        int choice = _work.OnToken(token);
        if (choice < 0)
            return;
        Show();
        _link?.Send(choice, _work.Choices[choice].End, flush: false);
    }

    /// <summary>Callers see something as soon as a decoder has the request and its record is on disk.</summary>
    private void Show()
    {
        if (!_transcript.IsOpen && _work is { IsAdmitted: true } && _link is null or { IsOpen: true })
            _transcript.Open(new StreamEvent.Accepted(_sessionId, _request!.Sampling.Seed, _settings.Manifest.Name, _request.Prompt.Length));
    }

    private void Cancel()
    {
        if (_ended || _work is null)
            return;
        _cancelled = true;
        // Callers are told as soon as the record is open, whether a decoder has answered or not.
        _work.Admit();
        Show();
        _work.Cancel();
        End();
    }

    private void Fail(FailureKind kind, string message)
    {
        if (_ended)
            return;
        _transcript.Fail(kind, message);
        if (kind is FailureKind.Unavailable or FailureKind.Overloaded && (_transcript.IsOpen || _request is { NamedByCaller: true }))
            // It goes on when somebody asks for it again.
            _link = null;
        foreach (var choice in _work?.Choices ?? [])
            choice.Finish(new RecordedEnd(Model.Decoding.FinishReason.Error, kind, message));
        Dismiss(kind, message);
        End();
    }

    /// <summary>There is no session behind this stream: nothing to record.</summary>
    private void Unopened(FailureKind kind, string message)
    {
        _transcript.Fail(kind, message);
        Abandon();
        Dismiss(kind, message);
    }

    private void Dismiss(FailureKind kind, string message)
    {
        foreach (var call in _waiting)
            if (call is StreamProtocol.Start && kind == FailureKind.NotFound)
                Context.Parent.Tell(call, Self); // a request needs no record to be there before it
            else
                call.Seat.Refuse(kind, message);
        _waiting.Clear();
    }

    private void Abandon()
    {
        _link = null;
        End();
    }

    /// <summary>Somebody else goes on with the session.</summary>
    private void Drop()
    {
        _work!.Stop();
        End();
    }

    private void End()
    {
        _ended = true;
        _endedAt = _settings.Time.GetTimestamp();
        _timers.CancelDetached();
        Attached();
        _work?.Stop();
        Record(flush: true);
        RetireIfSettled();
    }

    /// <summary>The record is complete, or waited for long enough. Callers may still be reading: that needs no actor.</summary>
    private void RetireIfSettled()
    {
        if (!_ended || _retiring)
            return;
        if (_link is not null && !_link.IsSettled && _settings.Time.GetElapsedTime(_endedAt) < _settings.Options.Record.EndPatience)
            return;
        _retiring = true;
        Context.Parent.Tell(StreamProtocol.Retiring.Instance, Self);
    }
}
