using Akka.Actor;
using Akka.Event;
using PanguCluster.Model.Decoding;
using static PanguCluster.Actors.Sessions.SessionProtocol;

namespace PanguCluster.Actors.Sessions;

/// <summary>The streams' side: who opens it, brings tokens, cancels it and goes.</summary>
internal sealed partial class SessionActor
{
    private void OnOpen(Open open)
    {
        if (_session is { } known)
        {
            if (known.Request.Asks(open.Request))
                Join(open.Stream, open.NodeId, resume: false);
            else
                open.Stream.Tell(SessionAnswers.Conflict(_id, known.Request, open.Request), Self);
            return;
        }
        if (_settings.Refusal() is { } refusal)
        {
            open.Stream.Tell(new OpenRefused(_id, Streams.FailureKind.Unavailable, refusal), Self);
            return;
        }
        _opening = open.Stream;
        PersistThen(new Accepted(open.Request, open.NodeId), () =>
        {
            _streams.Take(open.Stream, open.NodeId);
            TellOpened(open.Stream);
        });
    }

    private void OnAttach(Attach attach)
    {
        if (_session is null || _session.Request.Owner != attach.Owner)
            attach.Stream.Tell(SessionAnswers.NotFound(_id), Self);
        else
            Join(attach.Stream, attach.NodeId, resume: true);
    }

    /// <summary>One more stream for a session that is on disk.</summary>
    private void Join(IActorRef stream, string nodeId, bool resume)
    {
        if (stream.Equals(_streams.Current))
        {
            TellOpened(stream);
            return;
        }
        if (!_session!.Ended)
        {
            _opening = stream;
            GiveTo(stream, nodeId, resume);
            return;
        }
        // Nothing is left to be at work on: who looks need not wait for the disk.
        TellOpened(stream);
        if (resume)
            PersistThen(new Attached(_session.Attempt + 1, resume, nodeId, Now), () => { });
    }

    /// <summary>From now on this stream's tokens count.</summary>
    private void GiveTo(IActorRef stream, string nodeId, bool resume) =>
        PersistThen(new Attached(_session!.Attempt + 1, resume, nodeId, Now), () =>
        {
            _streams.Take(stream, nodeId)?.Tell(new Superseded(_id, _session.Attempt), Self);
            TellOpened(stream);
        });

    private void OnTokens(int attempt, string nodeId, int choice, int firstIndex, IReadOnlyList<RecordedToken> tokens, RecordedEnd? end)
    {
        if (_session is not { } session)
            return;
        var verdict = session.Judge(attempt, choice, firstIndex, tokens, end is not null);
        if (verdict.Differs is { } index)
        {
            _settings.Counters.Violated();
            _log.Error("determinism violation in session {0}, choice {1}: token {2} is not the recorded one", _id, choice, index);
        }
        switch (verdict.Step)
        {
            case TokenStep.Superseded:
                if (end is null)
                    _streams.Keep(Sender, nodeId);
                else
                    _streams.Lose(Sender);
                Sender.Tell(new Superseded(_id, session.Attempt), Self);
                break;
            case TokenStep.Ended when end is not null:
                Sender.Tell(new Ended(_id, choice), Self);
                break;
            case TokenStep.Ended:
                Sender.Tell(SessionAnswers.Recorded(_id, session, choice), Self);
                break;
            case TokenStep.NothingNew:
                TakeOver(Sender, nodeId);
                Sender.Tell(SessionAnswers.Recorded(_id, session, choice), Self);
                break;
            case TokenStep.New:
                TakeOver(Sender, nodeId);
                Extend(choice, verdict.Fresh, end);
                break;
        }
    }

    private void Extend(int choice, IReadOnlyList<RecordedToken> fresh, RecordedEnd? end)
    {
        int first = _session!.Choices[choice].Tokens.Count;
        if (end is null)
        {
            PersistThen(new TokensRecorded(choice, first, fresh, Now), () => Sender.Tell(SessionAnswers.Recorded(_id, _session, choice), Self));
        }
        else if (end.Reason == FinishReason.Cancelled && !_cancelling && _streams.Successor is { } successor)
        {
            // Its callers have gone; another stream has some left.
            Sender.Tell(new Ended(_id, choice), Self);
            _streams.Lose(Sender);
            GiveTo(successor.Stream, successor.NodeId, resume: false);
        }
        else
        {
            PersistThen(new ChoiceEnded(choice, first, fresh, end, Now), () => Sender.Tell(new Ended(_id, choice), Self));
        }
    }

    private void OnCancel(CancelSession cancel)
    {
        bool found = _session is not null && (cancel.Owner is null || cancel.Owner == _session.Request.Owner);
        var answer = new CancelReply(_id, found);
        if (found && !_session!.Ended)
        {
            _cancelling = true;
            foreach (var stream in _streams.All)
                stream.Tell(new CancelStream(_id), Self);
            if (_streams.Current is null)
            {
                EndAsCancelled(() => Sender.Tell(answer, Self));
                return;
            }
        }
        Sender.Tell(answer, Self);
    }

    private void EndAsCancelled(Action then)
    {
        var events = new List<ISessionEvent>();
        for (int c = 0; c < _session!.Choices.Length; c++)
            if (_session.Choices[c].End is null)
                events.Add(new ChoiceEnded(c, _session.Choices[c].Tokens.Count, [], new RecordedEnd(FinishReason.Cancelled), Now));
        PersistAll(events, e =>
        {
            Apply((ISessionEvent)e);
            if (!_session.Ended)
                return;
            CompactIfDue(); // not before the last one: a snapshot stands for all before it
            Publish();
            then();
        });
    }

    private void OnStreamGone(IActorRef stream)
    {
        if (!_streams.Lose(stream) || _session is not { Ended: false })
            return;
        if (_cancelling)
            EndAsCancelled(() => { });
        else if (_streams.Successor is { } successor)
            GiveTo(successor.Stream, successor.NodeId, resume: false);
        else
            Publish();
    }

    /// <summary>Streams speak up more often than this: whoever was there is gone.</summary>
    private void OnSilence()
    {
        _streams.Clear();
        if (_cancelling && _session is { Ended: false })
            EndAsCancelled(Passivate);
        else
        {
            Publish();
            Passivate();
        }
    }

    private void TakeOver(IActorRef stream, string nodeId)
    {
        _streams.Take(stream, nodeId);
        if (_cancelling)
            stream.Tell(new CancelStream(_id), Self);
        Publish();
    }
}
