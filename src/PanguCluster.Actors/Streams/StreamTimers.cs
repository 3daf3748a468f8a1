using Akka.Actor;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>What a stream waits for: at most one timer of each kind runs.</summary>
internal sealed class StreamTimers(IScheduler scheduler, IActorRef self)
{
    private ICancelable? _deadline;
    private ICancelable? _retry;
    private ICancelable? _submit;

    public void Deadline(TimeSpan after) => Set(ref _deadline, after, StreamProtocol.DeadlinePassed.Instance);

    public void Retry(TimeSpan after) => Set(ref _retry, after, StreamProtocol.PlaceAgain.Instance);

    public void Submit(TimeSpan after, SequenceId id) => Set(ref _submit, after, new StreamProtocol.SubmitTimedOut(id));

    public void CancelRetry() => _retry?.Cancel();

    public void CancelSubmit() => _submit?.Cancel();

    public void Cancel()
    {
        _deadline?.Cancel();
        _retry?.Cancel();
        _submit?.Cancel();
    }

    private void Set(ref ICancelable? timer, TimeSpan after, object message)
    {
        timer?.Cancel();
        timer = scheduler.ScheduleTellOnceCancelable(after > TimeSpan.Zero ? after : TimeSpan.Zero, self, message, self);
    }
}
