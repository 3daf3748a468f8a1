using Akka.Actor;
using PanguCluster.Actors.Sessions;

namespace PanguCluster.Actors.Streams;

/// <summary>The callers' side: who comes, joins, leaves and cancels, and what happens when nobody is left.</summary>
internal sealed partial class StreamActor
{
    private void HandleCaller(object message)
    {
        switch (message)
        {
            case StreamProtocol.Start start:
                OnStart(start);
                break;
            case StreamProtocol.Resume resume:
                OnResume(resume);
                break;
            case StreamProtocol.SeatLeft left:
                OnLeft(left.Seat, left.Cancel && _request is not { Detached: true });
                break;
            case StreamProtocol.SeatDeadline passed:
                passed.Seat.Refuse(FailureKind.DeadlineExceeded, "the caller's deadline passed");
                OnLeft(passed.Seat, cancel: _request is not { Detached: true });
                break;
            case StreamProtocol.DetachedTooLong when _seats.Count == 0:
                Cancel();
                break;
            case StreamProtocol.CancelSession cancel:
                OnCancel(cancel);
                break;
            case StreamProtocol.Tick:
                OnTick();
                break;
            case StreamProtocol.Retire when _ended || _request is null:
                Context.Stop(Self);
                break;
        }
    }

    private void OnStart(StreamProtocol.Start start)
    {
        var request = start.Request;
        if (_request is null && _link is null)
        {
            Begin(request);
            if (_settings.Sessions is { } sessions)
                Link(SessionLink.Open(_settings, sessions, Self, _transcript, _sessionId, RecordOf(request)));
            Seat(start.Seat, []);
            _work!.Review();
        }
        else if (_request is null)
            // A resume came first and waits for the record: by then this is known to be the same request or not.
            start.Seat.Refuse(FailureKind.Unavailable, "the session is being resumed; try again");
        else if (!RecordOf(_request).Asks(RecordOf(request)))
            start.Seat.Refuse(FailureKind.Conflict, $"session_id {_sessionId}: belongs to another request");
        else
        {
            _settings.Counters.Joined();
            Seat(start.Seat, []);
        }
    }

    private void OnResume(StreamProtocol.Resume resume)
    {
        if (_request is null)
        {
            _waiting.Add(resume);
            resume.Seat.AttachTo(Self);
            Expire(resume.Seat);
            if (_link is null && _settings.Sessions is { } sessions)
                Link(SessionLink.Attach(_settings, sessions, Self, _transcript, _sessionId, resume.Request.Owner));
        }
        else if (_request.Owner != resume.Request.Owner)
            resume.Seat.Refuse(FailureKind.NotFound, "no such session");
        else
            Seat(resume.Seat, resume.Request.NextIndices);
    }

    private void Seat(ClientSeat seat, IReadOnlyList<int> nextIndices)
    {
        if (!_seats.Take(seat, nextIndices, _request!))
            return;
        _timers.CancelDetached();
        Attached();
        _work!.PromptWanted |= _seats.PromptWanted;
        Expire(seat);
        seat.AttachTo(Self);
        if (!_ended || _work.IsOver || _transcript.HasFailed)
            return;
        _ended = _retiring = false;
        _work.Resume();
    }

    private void Expire(ClientSeat seat)
    {
        if (seat.Deadline is { } deadline)
            _timers.Deadline(deadline - _settings.Time.GetUtcNow(), seat);
    }

    private void OnLeft(ClientSeat seat, bool cancel)
    {
        if (_request is null)
        {
            _waiting.RemoveAll(w => w.Seat == seat);
            if (_waiting.Count == 0)
                Abandon();
            return;
        }
        if (!_seats.Leave(seat))
            return;
        bool last = _seats.Count == 0;
        // Whoever cancels and is the last may read on to the end of it.
        if (!cancel || !last)
            _transcript.Leave(seat);
        if (cancel && !last)
            seat.Close();
        if (_ended || !last)
            return;
        if (cancel)
            Cancel();
        else
            Unattended();
    }

    private void OnCancel(StreamProtocol.CancelSession cancel)
    {
        if (_request is null)
            cancel.Found.TrySetException(new SessionsUnavailableException("the session is being resumed; try again"));
        else if (cancel.Found.TrySetResult(_request.Owner == cancel.Owner) && _request.Owner == cancel.Owner)
            Cancel();
    }

    /// <summary>The last caller has gone, or none has come in.</summary>
    private void Unattended()
    {
        if (!_detached)
            _settings.Counters.Detach();
        _detached = true;
        if (_request!.Detached)
            return;
        if (_settings.Options.DetachTtl > TimeSpan.Zero)
            _timers.Detached(_settings.Options.DetachTtl);
        else
            Cancel();
    }

    private void Attached()
    {
        if (_detached)
            _settings.Counters.Reattach();
        _detached = false;
    }
}
