using System.Threading.Channels;
using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Sessions.Book;

/// <summary>
/// Computes one session again on the cluster's decoders, choice after choice and from nothing but its request, and compares every recorded token.
/// A decoder that is lost is replaced; the choice begins anew.
/// </summary>
internal sealed class SessionReplay : UntypedActor, IWithTimers
{
    /// <summary>Most decoders one choice is given to.</summary>
    private const int MaxAttempts = 5;

    private const int ReportEvery = 256;

    /// <summary>Longest silence of the session, or of a decoder.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _id;
    private readonly IActorRef _region;
    private readonly StreamSettings _streams;
    private readonly ChannelWriter<VerifyReport> _reports;
    private readonly List<int> _recorded = [];
    private readonly HashSet<IActorRef> _tried = [];
    private SessionRecord? _request;
    private int[] _counts = [];
    private int _choice;
    private int _checked;  // of the choices before this one
    private int _next;     // index of this choice's next token
    private int _attempts; // decoders this choice has been given to
    private SequenceId? _sequence;
    private IActorRef? _decoder;

    public SessionReplay(string id, IActorRef region, StreamSettings streams, ChannelWriter<VerifyReport> reports)
    {
        _id = id;
        _region = region;
        _streams = streams;
        _reports = reports;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private sealed record Silent(string Who) : INoSerializationVerificationNeeded;

    private sealed record PlaceAgain : INoSerializationVerificationNeeded;

    protected override void PreStart() => Ask();

    protected override void PostStop()
    {
        Drop();
        _reports.TryComplete(new SessionsUnavailableException("the replay was given up: this node is stopping"));
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case SessionProtocol.Page page when page.SessionId == _id:
                OnPage(page);
                break;
            case DecoderProtocol.StepResults results:
                foreach (var e in results.Events)
                    OnSequence(e);
                break;
            case DecoderProtocol.SubmitReply reply when reply.Id == _sequence:
                OnReply(reply.Outcome);
                break;
            case DecoderProtocol.ISequenceEvent e:
                OnSequence(e);
                break;
            case Terminated dead when dead.ActorRef.Equals(_decoder):
                Elsewhere("its decoder stopped");
                break;
            case PlaceAgain:
                Place();
                break;
            case Silent silent when _sequence is null:
                Fail(new SessionsUnavailableException($"{silent.Who} did not answer within {Patience.TotalSeconds} s"));
                break;
            case Silent silent:
                Elsewhere($"{silent.Who} did not answer");
                break;
        }
    }

    private void Ask()
    {
        _region.Tell(new SessionProtocol.Read(_id, _choice, _recorded.Count), Self);
        Await("the session");
    }

    private void OnPage(SessionProtocol.Page page)
    {
        if (page.Request is null)
        {
            Fail(new SessionNameException(SessionNameProblem.Unknown, $"there is no session '{_id}'"));
            return;
        }
        if (page.Choice != _choice || page.FirstIndex != _recorded.Count)
            return;
        if (_request is null && Mismatch(page.Request) is { } why)
        {
            Fail(new SessionNameException(SessionNameProblem.Incomparable, why));
            return;
        }
        if (_counts.Length == 0)
            _counts = [.. page.Counts];
        _request = page.Request;
        _recorded.AddRange(page.TokenIds);
        if (_recorded.Count < _counts[_choice] && page.TokenIds.Count > 0)
            Ask();
        else if (_recorded.Count == 0)
            NextChoice();
        else
            Place();
    }

    private string? Mismatch(SessionRecord request)
    {
        var manifest = _streams.Manifest;
        if (request.ModelDigest != manifest.Digest)
            return $"session {_id} was computed with the model {request.ModelDigest}; this cluster serves {manifest.Digest}, which gives other tokens";
        return request.NumericsVersion == manifest.NumericsVersion
            ? null
            : $"session {_id} was computed by numerics version {request.NumericsVersion}; this cluster computes by {manifest.NumericsVersion}";
    }

    private void Place()
    {
        var choice = DecoderChoice.Pick(_streams.View.Decoders, _streams.LocalLoad.Value, _tried);
        if (choice is null || _attempts++ >= MaxAttempts)
        {
            Fail(new SessionsUnavailableException("no decoder takes the replay"));
            return;
        }
        _next = 0;
        _decoder = choice.Decoder;
        _sequence = new SequenceId(Guid.NewGuid());
        Context.Watch(_decoder);
        var request = _request!;
        int[] stops = [.. request.StopTokenIds.Concat(_streams.Manifest.EosTokenIds).Distinct()];
        var sequence = new SequenceRequest(_sequence.Value, request.Prompt, [], _choice, _recorded.Count, stops, request.Sampling);
        _decoder.Tell(new DecoderProtocol.SubmitSequence(sequence, Self, Self), Self);
        Await("the decoder");
    }

    private void OnReply(SubmitOutcome outcome)
    {
        Await("the decoder");
        if (outcome == SubmitOutcome.Accepted)
            return;
        if (outcome == SubmitOutcome.QueueFull)
            Elsewhere("its queue is full");
        else
            Fail(new SessionNameException(SessionNameProblem.Incomparable, $"session {_id} cannot run here: the decoder says {outcome}"));
    }

    private void OnSequence(DecoderProtocol.ISequenceEvent e)
    {
        if (e.Id != _sequence)
            return;
        Await("the decoder");
        if (e is DecoderProtocol.SequenceToken { Token: var token })
            OnToken(token.Index, token.TokenId);
        else if (e is DecoderProtocol.SequenceEnded { Failure: not null } failed)
            Elsewhere(failed.Detail ?? "it gave up");
        else if (_next < _recorded.Count)
            // It ended where the record goes on: the missing token is no token.
            Report(false, new TokenDifference(_choice, _next, _recorded[_next], -1));
    }

    private void OnToken(int index, int tokenId)
    {
        if (index < _next || index >= _recorded.Count)
            return;
        if (index > _next)
        {
            Elsewhere($"tokens before {index} were lost on the way");
            return;
        }
        if (_recorded[index] != tokenId)
        {
            Report(false, new TokenDifference(_choice, index, _recorded[index], tokenId));
            return;
        }
        _next++;
        if (_next == _recorded.Count)
            NextChoice();
        else if (_next % ReportEvery == 0)
            Report(null, null);
    }

    private void NextChoice()
    {
        Drop();
        _checked += _next;
        _choice++;
        (_next, _attempts) = (0, 0);
        _tried.Clear();
        _recorded.Clear();
        if (_choice == _counts.Length)
            Report(true, null);
        else
        {
            Report(null, null);
            Ask();
        }
    }

    private void Elsewhere(string why)
    {
        Context.GetLogger().Info("the replay of session {0} moves to another decoder: {1}", _id, why);
        if (_decoder is not null)
            _tried.Add(_decoder);
        Drop();
        // With one decoder in the cluster the next attempt is there again.
        if (DecoderChoice.Pick(_streams.View.Decoders, _streams.LocalLoad.Value, _tried) is null)
            _tried.Clear();
        Timers.StartSingleTimer("place", new PlaceAgain(), TimeSpan.FromMilliseconds(500));
    }

    private void Drop()
    {
        if (_sequence is { } id && _decoder is not null)
        {
            Context.Unwatch(_decoder);
            _decoder.Tell(new DecoderProtocol.CancelSequence(id), Self);
        }
        (_sequence, _decoder) = (null, null);
        Timers.Cancel("silent");
    }

    private void Report(bool? identical, TokenDifference? difference)
    {
        _reports.TryWrite(new VerifyReport(_id, _checked + _next, _counts.Sum(), identical, difference));
        if (identical is null)
            return;
        _reports.TryComplete();
        Context.Stop(Self);
    }

    private void Fail(Exception failure)
    {
        _reports.TryComplete(failure);
        Context.Stop(Self);
    }

    private void Await(string who) => Timers.StartSingleTimer("silent", new Silent(who), Patience);
}
