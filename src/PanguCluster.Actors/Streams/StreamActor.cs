using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Decoding;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>
/// One client call: finds a decoder, turns its tokens into events, and takes the sequence to another decoder when the first is lost.
/// A token is a pure function of the request and its index, so whoever brings the next index first is right.
/// </summary>
internal sealed class StreamActor : UntypedActor
{
    private readonly StreamSettings _settings;
    private readonly GenerationRequest _request;
    private readonly StreamProtocol.Start _start;
    private readonly TokenLedger _ledger = new();
    private readonly AnswerText _text;
    private readonly int[] _stopTokens;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<SequenceId, IActorRef> _sequences = [];
    private readonly HashSet<IActorRef> _excluded = [];
    private readonly StreamTimers _timers = new(Context.System.Scheduler, Context.Self);
    private CancellationTokenRegistration _registration;
    private SequenceId? _current;
    private long _searching; // since when there has been neither a token nor a decoder to blame
    private int _submissions;
    private bool _accepted;
    private bool _ended;
    private string _lastFailure = "no node with the decoder role is up";

    public StreamActor(StreamSettings settings, StreamProtocol.Start start)
    {
        _settings = settings;
        _start = start;
        _request = start.Request;
        _text = new AnswerText(settings.Tokenizer, _request.StopStrings);
        _stopTokens = [.. _request.StopTokenIds.Concat(settings.Manifest.EosTokenIds).Distinct()];
        _searching = settings.Time.GetTimestamp();
    }

    protected override void PreStart()
    {
        _settings.Counters.Opened();
        var self = Self;
        _registration = _start.Cancellation.UnsafeRegister(_ => self.Tell(StreamProtocol.ClientGone.Instance, self), null);
        if (_request.Deadline is { } deadline)
            _timers.Deadline(deadline - _settings.Time.GetUtcNow());
        Place();
    }

    protected override void PostStop()
    {
        _registration.Dispose();
        _timers.Cancel();
        foreach (var id in _sequences.Keys.ToArray())
            Forget(id, cancel: true);
        if (!_ended)
            GenerationGateway.Refuse(_start.Writer, FailureKind.Unavailable, "this node is stopping; another one can go on with the session");
        _settings.Counters.Closed();
    }

    protected override void OnReceive(object message)
    {
        if (_ended)
            return;
        try
        {
            Handle(message);
        }
        catch (Exception e)
        {
            _log.Error(e, "session {0} failed", _request.SessionId);
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
            case DecoderProtocol.SequenceEnded ended:
                OnEnded(ended);
                break;
            case DecoderProtocol.SubmitReply reply:
                OnReply(reply);
                break;
            case Terminated dead:
                OnDecoderGone(dead.ActorRef, cancel: false, $"the decoder at {dead.ActorRef.Path.Address} stopped");
                break;
            case StreamProtocol.DecodersChanged:
                OnDecodersChanged();
                break;
            case StreamProtocol.SubmitTimedOut timeout when timeout.Id == _current:
                OnSubmitTimedOut(timeout.Id);
                break;
            case StreamProtocol.PlaceAgain:
                _excluded.Clear();
                Place();
                break;
            case StreamProtocol.ClientGone:
                Finish(FinishReason.Cancelled);
                break;
            case StreamProtocol.DeadlinePassed:
                Fail(FailureKind.DeadlineExceeded, "the caller's deadline passed");
                break;
        }
    }

    private void Place()
    {
        _timers.CancelRetry();
        if (_settings.Time.GetElapsedTime(_searching) > _settings.Options.FindDecoder)
        {
            Fail(FailureKind.Unavailable, _lastFailure);
            return;
        }
        var choice = DecoderChoice.Pick(_settings.View.Decoders, _settings.LocalLoad.Value, _excluded);
        if (choice is not null)
            Submit(choice.Decoder);
        else
            _timers.Retry(_settings.Options.Retry);
    }

    private void Submit(IActorRef decoder)
    {
        if (_submissions++ >= _settings.Options.MaxSubmissions)
        {
            Fail(FailureKind.Unavailable, $"given up after {_settings.Options.MaxSubmissions} decoders; the last: {_lastFailure}");
            return;
        }
        if (_accepted)
            _settings.Counters.Resubmitted();
        var id = new SequenceId(Guid.NewGuid());
        _current = id;
        _sequences.Add(id, decoder);
        Context.Watch(decoder);
        Context.Parent.Tell(new StreamProtocol.Expect(id), Self);
        var sequence = new SequenceRequest(
            id, _request.Prompt, _ledger.ToArray(), 0, _request.MaxTokens, _stopTokens, _request.Sampling);
        decoder.Tell(new DecoderProtocol.SubmitSequence(sequence, Self, Context.Parent), Self);
        _timers.Submit(_settings.Options.SubmitTimeout, id);
    }

    private void OnReply(DecoderProtocol.SubmitReply reply)
    {
        if (!_sequences.TryGetValue(reply.Id, out var decoder))
            return;
        if (reply.Id == _current)
            _timers.CancelSubmit();
        switch (reply.Outcome)
        {
            case SubmitOutcome.Accepted:
                Accept();
                break;
            case SubmitOutcome.QueueFull:
                Forget(reply.Id, cancel: false);
                OnQueueFull(decoder);
                break;
            default:
                var (kind, message) = SubmitRefusal.Of(reply.Outcome, _request);
                Fail(kind, message);
                break;
        }
    }

    private void OnQueueFull(IActorRef decoder)
    {
        _excluded.Add(decoder);
        _current = null;
        _lastFailure = "the decoders' queues are full";
        bool another = DecoderChoice.Pick(_settings.View.Decoders, _settings.LocalLoad.Value, _excluded) is not null;
        // A new request is refused; one that has been accepted waits its turn.
        if (!another && !_accepted)
            Fail(FailureKind.Overloaded, "every decoder's queue is full, try again later");
        else
            Place();
    }

    private void Accept()
    {
        if (_accepted)
            return;
        _accepted = true;
        Emit(new StreamEvent.Accepted(_request.SessionId, _request.Sampling.Seed, _settings.Manifest.Name, _request.Prompt.Length));
    }

    private void OnToken(DecoderProtocol.SequenceToken message)
    {
        if (!_sequences.TryGetValue(message.Id, out var decoder))
            return;
        Accept();
        var token = message.Token;
        switch (_ledger.Take(token.Index, token.TokenId))
        {
            case LedgerEntry.Next:
                Show(message);
                break;
            case LedgerEntry.Violation:
                _settings.Counters.Violated();
                _log.Error("determinism violation in session {0}: token {1} is {2} from {3}", _request.SessionId, token.Index, token.TokenId, decoder.Path);
                break;
            case LedgerEntry.Gap:
                _lastFailure = $"tokens before {token.Index} were lost on the way";
                OnSequenceLost(message.Id, cancel: true);
                break;
        }
    }

    private void Show(DecoderProtocol.SequenceToken message)
    {
        _excluded.Clear();
        _searching = _settings.Time.GetTimestamp();
        string text = _text.Push(message.Token.TokenId);
        Emit(new StreamEvent.Token(0, message.Token, text));
        if (_text.Stopped)
            Finish(FinishReason.Stop);
        else if (_ledger.Count == _request.MaxTokens)
            Finish(FinishReason.Length);
    }

    private void OnEnded(DecoderProtocol.SequenceEnded ended)
    {
        if (!_sequences.TryGetValue(ended.Id, out var decoder))
            return;
        if (ended.Failure is null && ended.GeneratedTokens == _ledger.Count)
        {
            Forget(ended.Id, cancel: false);
            Finish(ended.Reason);
        }
        else if (ended.Failure is null or FailureKind.Unavailable)
        {
            _lastFailure = ended.Detail ?? "the last tokens were lost on the way";
            _excluded.Add(decoder);
            OnSequenceLost(ended.Id, cancel: false);
        }
        else
            Fail(ended.Failure.Value, ended.Detail ?? "the decoder failed");
    }

    private void OnSubmitTimedOut(SequenceId id) => OnDecoderGone(
        _sequences[id], cancel: true, $"the decoder did not answer within {_settings.Options.SubmitTimeout.TotalSeconds} s");

    private void OnDecodersChanged()
    {
        foreach (var decoder in _sequences.Values.Except(_settings.View.Decoders.Select(d => d.Decoder)).ToArray())
            OnDecoderGone(decoder, cancel: true, $"the decoder at {decoder.Path.Address} has gone");
    }

    private void OnDecoderGone(IActorRef decoder, bool cancel, string why)
    {
        _lastFailure = why;
        _excluded.Add(decoder);
        _searching = _settings.Time.GetTimestamp();
        foreach (var id in _sequences.Where(s => s.Value.Equals(decoder)).Select(s => s.Key).ToArray())
            OnSequenceLost(id, cancel);
    }

    private void OnSequenceLost(SequenceId id, bool cancel)
    {
        Forget(id, cancel);
        if (id != _current)
            return;
        _current = null;
        _timers.CancelSubmit();
        Place();
    }

    private void Forget(SequenceId id, bool cancel)
    {
        if (!_sequences.Remove(id, out var decoder))
            return;
        if (cancel)
            decoder.Tell(new DecoderProtocol.CancelSequence(id), Self);
        if (!_sequences.ContainsValue(decoder))
            Context.Unwatch(decoder);
        Context.Parent.Tell(new StreamProtocol.NoLongerExpect(id), Self);
    }

    private void Finish(FinishReason reason) => End(
        new StreamEvent.Finished(0, reason, _text.End(), _request.Prompt.Length, _ledger.Count));

    private void Fail(FailureKind kind, string message) => End(new StreamEvent.Failed(kind, message));

    private void End(StreamEvent last)
    {
        _ended = true;
        Emit(last);
        _start.Writer.TryComplete();
        Context.Stop(Self);
    }

    /// <summary>Cannot fail: the channel holds MaxTokens + 4.</summary>
    private void Emit(StreamEvent e) => _start.Writer.TryWrite(e);
}
