using Akka.Actor;
using PanguCluster.Actors.Sessions;

namespace PanguCluster.Actors.Streams;

/// <summary>One caller's wish to end a session that runs somewhere else: asks until the session answers or the time is up.</summary>
internal sealed class SessionCancellation : UntypedActor
{
    private readonly StreamSettings _settings;
    private readonly StreamProtocol.CancelSession _wish;
    private readonly long _begun;
    private ICancelable? _tick;

    public SessionCancellation(StreamSettings settings, StreamProtocol.CancelSession wish)
    {
        _settings = settings;
        _wish = wish;
        _begun = settings.Time.GetTimestamp();
    }

    protected override void PreStart()
    {
        var every = _settings.Options.Record.OpenRetry;
        _tick = Context.System.Scheduler.ScheduleTellRepeatedlyCancelable(TimeSpan.Zero, every, Self, StreamProtocol.Tick.Instance, Self);
    }

    protected override void PostStop()
    {
        _tick?.Cancel();
        _wish.Found.TrySetException(new SessionsUnavailableException("the session does not answer; try again"));
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case SessionProtocol.CancelReply reply:
                _wish.Found.TrySetResult(reply.Found);
                Context.Stop(Self);
                break;
            case StreamProtocol.Tick when _wish.Found.Task.IsCompleted || _settings.Time.GetElapsedTime(_begun) > _settings.Options.Record.OpenTimeout:
                Context.Stop(Self);
                break;
            case StreamProtocol.Tick:
                _settings.Sessions!.Tell(new SessionProtocol.CancelSession(_wish.SessionId, _wish.Owner), Self);
                break;
        }
    }
}
