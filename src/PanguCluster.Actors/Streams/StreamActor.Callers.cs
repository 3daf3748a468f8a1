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
            case StreamProtocol.ICall call when _retiring:
                // The supervisor knows already that this is not the session's stream any more.
                Context.Parent.Tell(call, Self);
                break;
            case StreamProtocol.ISeatCall call:
                OnCall(call);
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
            case StreamProtocol.Retire:
                Context.Stop(Self);
                break;
        }
    }

    private void OnCall(StreamProtocol.ISeatCall call)
    {
        bool first = _request is null && _link is null;
        if (first)
            Open(call);
        if (_request is null)
        {
            _waiting.Add(call);
            call.Seat.AttachTo(Self);
            Expire(call.Seat);
        }
        else if (Objection(_request, call) is { } objection)
            call.Seat.Refuse(objection.Kind, objection.Message);
        else
        {
            if (call is StreamProtocol.Start && !first)
                _settings.Counters.Joined();
            Seat(call.Seat, call is StreamProtocol.Resume resume ? resume.Request.NextIndices : []);
        }
    }

    /// <summary>The first call says what the stream is for: a request that it brings, or one that is recorded.</summary>
    private void Open(StreamProtocol.ISeatCall call)
    {
        if (call is StreamProtocol.Start start)
            Begin(start.Request);
        if (_settings.Sessions is not { } sessions)
            return;
        Link(call is StreamProtocol.Resume resume
            ? SessionLink.Attach(_settings, sessions, Self, _transcript, _sessionId, resume.Request.Owner)
            : SessionLink.Open(_settings, sessions, Self, _transcript, _sessionId, RecordOf(_request!)));
    }

    private (FailureKind Kind, string Message)? Objection(GenerationRequest present, StreamProtocol.ISeatCall call) => call switch
    {
        StreamProtocol.Resume resume when resume.Request.Owner != present.Owner => (FailureKind.NotFound, "no such session"),
        StreamProtocol.Start start when !RecordOf(present).Asks(RecordOf(start.Request)) =>
            (FailureKind.Conflict, $"session_id {_sessionId}: belongs to another request"),
        _ => null,
    };

    private void Seat(ClientSeat seat, IReadOnlyList<int> nextIndices)
    {
        if (!_seats.Take(seat, nextIndices, _request!))
            return;
        _timers.CancelDetached();
        Attached();
        _work!.PromptWanted |= _seats.PromptWanted;
        Expire(seat);
        seat.AttachTo(Self);
        if (_work.IsOver || _transcript.HasFailed)
            return;
        // Nothing is to be done but the echoed prompt, if this caller is the first who wants it.
        if (_ended)
            _work.Resume();
        _ended = false;
        _work.Review();
    }

    private void Expire(ClientSeat seat)
    {
        if (seat.Deadline is { } deadline)
            _timers.Deadline(deadline - _settings.Time.GetUtcNow(), seat);
    }

    private void OnLeft(ClientSeat seat, bool cancel)
    {
        _timers.CancelDeadline(seat);
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
        if (_request is null || _superseded)
            Context.Parent.Tell(new StreamProtocol.CancelRecorded(cancel), Self);
        else if (cancel.Found.TrySetResult(_request.Owner == cancel.Owner) && _request.Owner == cancel.Owner)
            Cancel();
    }

    /// <summary>The last caller has gone, or none has come in.</summary>
    private void Unattended()
    {
        if (!_detached)
            _settings.Counters.Detach();
        _detached = true;
        if (_superseded)
            Drop();
        else if (_request!.Detached)
            return;
        else if (_settings.Options.DetachTtl > TimeSpan.Zero)
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
