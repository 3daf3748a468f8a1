using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>
/// The decoders' side of a stream: keeps one sequence of every unfinished choice at work and puts what they bring into the transcript. A token is a
/// pure function of the request and its index, so whoever brings the next index first is right, and a doubt costs a second sequence, not a wait.
/// </summary>
internal sealed partial class StreamWork
{
    private readonly StreamSettings _settings;
    private readonly GenerationRequest _request;
    private readonly IActorContext _context;
    private readonly StreamTimers _timers;
    private readonly Transcript _transcript;
    private readonly ILoggingAdapter _log;
    private readonly EchoedPrompt _prompt;
    private readonly PlacedSequences _sequences = new();
    private readonly StreamFailover _failover;
    private readonly HandOverTurn _turn;
    private readonly int[] _stopTokens;
    private readonly int[] _submissions; // of every choice since its last token
    private readonly bool[] _submitted;
    private readonly bool[] _admitted;
    private long _searching; // since when there has been neither a token nor a decoder to blame
    private string _lastFailure = "no node with the decoder role is up";
    private bool _over;
    private bool _cancelled;

    public StreamWork(
        StreamSettings settings, GenerationRequest request, IActorContext context, StreamTimers timers, Transcript transcript, ILoggingAdapter log)
    {
        _settings = settings;
        _request = request;
        _context = context;
        _timers = timers;
        _transcript = transcript;
        _log = log;
        _failover = new StreamFailover(_sequences);
        _turn = new HandOverTurn(context.Parent, context.Self);
        _stopTokens = [.. request.StopTokenIds.Concat(settings.Manifest.EosTokenIds).Distinct()];
        _submissions = new int[request.Choices];
        _submitted = new bool[request.Choices];
        _admitted = new bool[request.Choices];
        _searching = settings.Time.GetTimestamp();
        transcript.Begin(request.Choices);
        Choices = [.. Enumerable.Range(0, request.Choices).Select(c => new ChoiceProgress(
            c, request.Prompt.Length, request.MaxTokens, new AnswerText(settings.Tokenizer, request.StopStrings), transcript))];
        _prompt = new EchoedPrompt(settings.Tokenizer, request.Prompt);
        if (request is { Echo: true, Sampling.Logprobs: < 0 })
            transcript.AddPrompt(_prompt.Rest(), complete: true);
    }

    public ChoiceProgress[] Choices { get; }

    /// <summary>Nothing can be brought any more, for this reason.</summary>
    public StreamEvent.Failed? Failure { get; private set; }

    /// <summary>A caller waits for the echoed prompt.</summary>
    public bool PromptWanted { get; set; }

    /// <summary>Every choice has been taken by a decoder once: from then on the request waits its turn rather than be refused.</summary>
    public bool IsAdmitted => _admitted.All(a => a);

    public bool IsOver => !PromptMissing && Choices.All(c => c.End is not null);

    private bool PromptMissing => PromptWanted && !_cancelled && _request is { Echo: true, Sampling.Logprobs: >= 0 } && !_prompt.Complete;

    private ImmutableArray<DecoderNode> Usable => _settings.Health.Usable;

    /// <summary>The session was accepted before, so it is now.</summary>
    public void Admit() => Array.Fill(_admitted, true);

    /// <summary>Takes what the session has of a choice.</summary>
    public void Take(int choice, RecordedChoice recorded)
    {
        if (Choices[choice].Take(recorded) is { } index)
            Violation(choice, index, "its record");
    }

    /// <summary>Starts what has to run and does not, in good standing.</summary>
    /// <param name="anew">Decoders that have refused are asked again.</param>
    public void Review(bool anew = false)
    {
        if (_over || Failure is not null)
            return;
        _timers.CancelRetry();
        if (anew)
            _failover.ForgiveAll();
        _sequences.Doubt(Usable);
        var plan = _failover.Plan([.. Choices.Select(c => c.End is null)], PromptMissing, Usable, _settings.LocalLoad.Value);
        foreach (var placement in plan.Placements)
            Submit(placement);
        HandOver(plan);
        if (!plan.Searching)
            return;
        if (_settings.Time.GetElapsedTime(_searching) > _settings.Options.FindDecoder)
            Failure ??= new StreamEvent.Failed(FailureKind.Unavailable, _lastFailure);
        else
            _timers.Retry(_settings.Options.Retry);
    }

    /// <returns>The choice that has a new token; negative: none.</returns>
    public int OnToken(DecoderProtocol.SequenceToken message)
    {
        if (_sequences.Find(message.Id) is not { } sequence)
            return -1;
        int choice = sequence.Choice;
        _admitted[choice] = true;
        switch (Choices[choice].Take(message.Token))
        {
            case TokenEntry.Next:
                OnNext(sequence);
                return choice;
            case TokenEntry.Repeat when _turn.Has:
                OnBehind(sequence, Choices[choice].Count - 1 - message.Token.Index);
                break;
            case TokenEntry.Violation:
                Violation(choice, message.Token.Index, sequence.Decoder.Path.ToString());
                break;
            case TokenEntry.Gap:
                _lastFailure = $"tokens before {message.Token.Index} were lost on the way";
                Forget(sequence, cancel: true);
                Review();
                break;
        }
        return -1;
    }

    public void OnPrompt(DecoderProtocol.SequencePrompt message)
    {
        if (_sequences.Find(message.Id) is not { Scores: true } sequence || _prompt.Take(message.Tokens) is not { } piece)
            return;
        _transcript.AddPrompt(piece, _prompt.Complete);
        if (_prompt.Complete && sequence.ScoresOnly)
            Forget(sequence, cancel: true);
    }

    public void OnEnded(DecoderProtocol.SequenceEnded ended)
    {
        if (_sequences.Find(ended.Id) is not { } sequence)
            return;
        var choice = Choices[sequence.Choice];
        Forget(sequence, cancel: false);
        if (ended.Failure is null && !sequence.ScoresOnly && ended.GeneratedTokens == choice.Count)
            choice.Finish(new RecordedEnd(ended.Reason));
        else if (ended.Failure is null or FailureKind.Unavailable || _sequences.Of(sequence.Choice).Any(s => StreamFailover.InGoodStanding(s, Usable)))
        {
            _lastFailure = ended.Detail ?? "the last tokens were lost on the way";
            _failover.Exclude(sequence.Decoder);
            Review();
        }
        else
            Failure ??= new StreamEvent.Failed(ended.Failure.Value, ended.Detail ?? "the decoder failed");
    }

    public void OnReply(DecoderProtocol.SubmitReply reply)
    {
        if (_sequences.Find(reply.Id) is not { } sequence)
            return;
        _timers.CancelSubmit(reply.Id);
        sequence.InDoubt = false;
        switch (reply.Outcome)
        {
            case SubmitOutcome.Accepted:
                _admitted[sequence.Choice] |= !sequence.ScoresOnly;
                break;
            case SubmitOutcome.QueueFull:
                OnQueueFull(sequence);
                break;
            case SubmitOutcome.TooLong when OthersThan(sequence) || IsAdmitted:
                _lastFailure = "the decoder has no room for a sequence of this length";
                Review();
                break;
            default:
                var (kind, message) = SubmitRefusal.Of(reply.Outcome, _request);
                Failure ??= new StreamEvent.Failed(kind, message);
                break;
        }
    }

    public void OnSubmitTimedOut(SequenceId id)
    {
        if (_sequences.Find(id) is not { } sequence)
            return;
        _timers.CancelSubmit(id);
        _lastFailure = $"the decoder did not answer within {_settings.Options.SubmitTimeout.TotalSeconds} s";
        sequence.InDoubt = true;
        _failover.Exclude(sequence.Decoder);
        Review();
    }

    /// <summary>The decoder is dead for certain: nothing comes from it any more.</summary>
    public void OnDead(IActorRef decoder)
    {
        _lastFailure = $"the decoder at {decoder.Path.Address} stopped";
        _failover.Exclude(decoder);
        foreach (var sequence in _sequences.At(decoder))
            Forget(sequence, cancel: false);
        Review();
    }

    /// <summary>Ends every choice where it is. What is left of the prompt does not come either.</summary>
    public void Cancel()
    {
        _cancelled = true;
        _transcript.ClosePrompt();
        foreach (var choice in Choices)
            choice.Finish(new RecordedEnd(FinishReason.Cancelled));
    }

    /// <summary>No decoder need work for this stream any more.</summary>
    public void Stop()
    {
        _over = true;
        _timers.CancelRetry();
        _turn.GiveBack();
        foreach (var sequence in _sequences.All())
            Forget(sequence, cancel: true);
    }

    /// <summary>A caller wants what is not there yet, though the stream was over.</summary>
    public void Resume() => _over = false;

    private void OnNext(PlacedSequence sequence)
    {
        _failover.ForgiveAll();
        _searching = _settings.Time.GetTimestamp();
        _submissions[sequence.Choice] = 0;
        sequence.InDoubt = false;
        if (Choices[sequence.Choice].End is not null)
            DropRivals(sequence, itself: true);
        else if (_sequences.HasRival(sequence) && StreamFailover.InGoodStanding(sequence, Usable))
            // Whoever is in good standing and ahead needs no second; one in doubt may have sent this long ago.
            DropRivals(sequence, itself: false);
    }

    private void DropRivals(PlacedSequence sequence, bool itself)
    {
        var usable = Usable;
        bool leaves = !itself && !StreamFailover.IsAtHome(sequence, usable);
        foreach (var other in _sequences.Of(sequence.Choice))
        {
            if ((!itself && other.Id == sequence.Id) || (other.Scores && PromptMissing))
                continue;
            // Ahead, and to be replaced all the same.
            if (leaves && StreamFailover.IsAtHome(other, usable))
                continue;
            Forget(other, cancel: true);
            if (!leaves && !itself && _turn.Has && StreamFailover.InGoodStanding(other, usable))
                _settings.Counters.HandedOver();
        }
        SettleHandOver();
    }

    private void OnQueueFull(PlacedSequence sequence)
    {
        bool others = OthersThan(sequence);
        _lastFailure = "the decoders' queues are full";
        if (!others && !IsAdmitted)
        {
            Failure ??= new StreamEvent.Failed(FailureKind.Overloaded, "every decoder's queue is full, try again later");
            return;
        }
        // What has been accepted waits its turn, however long: a decoder that is full is there, and has not had the sequence.
        _submissions[sequence.Choice] -= sequence.ScoresOnly ? 0 : 1;
        _searching = _settings.Time.GetTimestamp();
        Review();
    }

    /// <summary>The decoder has refused the sequence. Is there another to ask?</summary>
    private bool OthersThan(PlacedSequence refused)
    {
        Forget(refused, cancel: false);
        _failover.Exclude(refused.Decoder);
        return _failover.HasAnother(Usable, _settings.LocalLoad.Value);
    }

    private void Submit(Placement placement)
    {
        int choice = placement.Choice;
        if (!placement.ScoresOnly && _submissions[choice]++ >= _settings.Options.MaxSubmissions)
        {
            Failure ??= new StreamEvent.Failed(
                FailureKind.Unavailable, $"given up after {_settings.Options.MaxSubmissions} decoders; the last: {_lastFailure}");
            return;
        }
        if (_submitted[choice] && _admitted[choice] && !placement.TakesOver)
            _settings.Counters.Resubmitted();
        _submitted[choice] = true;
        // The same decoder once more: what it has not answered so far is not waited for.
        foreach (var former in _sequences.At(placement.Decoder).Where(s => s.Choice == choice && s.ScoresOnly == placement.ScoresOnly))
            Forget(former, cancel: true);
        var sequence = new PlacedSequence(new SequenceId(Guid.NewGuid()), choice, placement.Decoder, placement.Scores, placement.ScoresOnly)
        {
            Behind = placement.Behind,
        };
        _sequences.Add(sequence);
        _context.Watch(placement.Decoder);
        _context.Parent.Tell(new StreamProtocol.Expect(sequence.Id, placement.Decoder), _context.Self);
        var request = new SequenceRequest(
            sequence.Id, _request.Prompt, placement.ScoresOnly ? [] : _transcript.TokenIds(choice), choice,
            placement.ScoresOnly ? 1 : _request.MaxTokens, _stopTokens, _request.Sampling)
        {
            PromptLogprobs = placement.Scores ? _request.Sampling.Logprobs : -1,
        };
        placement.Decoder.Tell(new DecoderProtocol.SubmitSequence(request, _context.Self, _context.Parent), _context.Self);
        _timers.Submit(_settings.Options.SubmitTimeout, sequence.Id);
    }

    private void Forget(PlacedSequence sequence, bool cancel)
    {
        if (!_sequences.Remove(sequence.Id))
            return;
        _timers.CancelSubmit(sequence.Id);
        if (cancel)
            sequence.Decoder.Tell(new DecoderProtocol.CancelSequence(sequence.Id), _context.Self);
        if (!_sequences.Uses(sequence.Decoder))
            _context.Unwatch(sequence.Decoder);
        _context.Parent.Tell(new StreamProtocol.NoLongerExpect(sequence.Id), _context.Self);
    }

    private void Violation(int choice, int index, string where)
    {
        _settings.Counters.Violated();
        _log.Error("determinism violation in session {0}: token {1} of choice {2} differs from {3}", _request.SessionId, index, choice, where);
    }
}
