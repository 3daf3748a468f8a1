using Akka.Actor;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>What a stream waits for: at most one timer of each kind runs, and one for every submission that is not answered.</summary>
internal sealed class StreamTimers(IScheduler scheduler, IActorRef self)
{
    private readonly Dictionary<ClientSeat, ICancelable> _deadlines = [];
    private readonly Dictionary<SequenceId, ICancelable> _submissions = [];
    private ICancelable? _retry;
    private ICancelable? _detached;
    private ICancelable? _record;

    /// <summary>A seat has one deadline: once set it stays.</summary>
    public void Deadline(TimeSpan after, ClientSeat seat)
    {
        if (!_deadlines.ContainsKey(seat))
            _deadlines.Add(seat, Once(after, new StreamProtocol.SeatDeadline(seat)));
    }

    public void CancelDeadline(ClientSeat seat)
    {
        if (_deadlines.Remove(seat, out var timer))
            timer.Cancel();
    }

    public void Retry(TimeSpan after) => Set(ref _retry, after, StreamProtocol.PlaceAgain.Instance);

    public void CancelRetry() => _retry?.Cancel();

    public void Detached(TimeSpan after) => Set(ref _detached, after, StreamProtocol.DetachedTooLong.Instance);

    public void CancelDetached() => _detached?.Cancel();

    public void Record(TimeSpan every) =>
        _record ??= scheduler.ScheduleTellRepeatedlyCancelable(every, every, self, StreamProtocol.Tick.Instance, self);

    public void Submit(TimeSpan after, SequenceId id) => _submissions[id] = Once(after, new StreamProtocol.SubmitTimedOut(id));

    public void CancelSubmit(SequenceId id)
    {
        if (_submissions.Remove(id, out var timer))
            timer.Cancel();
    }

    public void Cancel()
    {
        foreach (var timer in _deadlines.Values)
            timer.Cancel();
        _deadlines.Clear();
        foreach (var timer in _submissions.Values)
            timer.Cancel();
        _submissions.Clear();
        _retry?.Cancel();
        _detached?.Cancel();
        _record?.Cancel();
    }

    private void Set(ref ICancelable? timer, TimeSpan after, object message)
    {
        timer?.Cancel();
        timer = Once(after, message);
    }

    private ICancelable Once(TimeSpan after, object message) =>
        scheduler.ScheduleTellOnceCancelable(after > TimeSpan.Zero ? after : TimeSpan.Zero, self, message, self);
}
