using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using static PanguCluster.Actors.Sessions.SessionProtocol;

namespace PanguCluster.Actors.Sessions;

/// <summary>The sweeper's side: an old session goes from journal and listing, and leaves nothing.</summary>
internal sealed partial class SessionActor
{
    private sealed record Erased(Exception? Failure) : INoSerializationVerificationNeeded;

    private void OnInspect(Inspect inspect)
    {
        bool idle = _session is null || (_streams.Current is null && (_session.EndedAt ?? _session.ActiveAt) < inspect.EraseBefore);
        if (!idle)
        {
            _publisher.Publish(_session, _streams.Current is not null, LastSequenceNr, anyway: true);
            return;
        }
        DeleteMessages(LastSequenceNr);
        BecomeStacked(Erasing);
    }

    /// <summary>Nothing else happens to the session meanwhile: what comes waits, and finds a session or none.</summary>
    private void Erasing(object message)
    {
        switch (message)
        {
            case DeleteMessagesSuccess:
                _settings.Index.EraseAsync(_id, CancellationToken.None)
                    .PipeTo(Self, Self, () => new Erased(null), failure => new Erased(failure));
                break;
            case DeleteMessagesFailure failed:
                OnErased(failed.Cause);
                break;
            case Erased erased:
                OnErased(erased.Failure);
                break;
            case ReceiveTimeout:
                break;
            default:
                Stash.Stash();
                break;
        }
    }

    private void OnErased(Exception? failure)
    {
        if (failure is not null)
        {
            // Nobody knows how much is gone, and nothing may be built on it. Read again, at the next message; what has come is asked again.
            _log.Warning("session {0} cannot be erased yet: {1}", _id, failure.Message);
            Context.Stop(Self);
            return;
        }
        (_session, _events) = (null, 0);
        UnbecomeStacked();
        Stash.UnstashAll();
        Self.Tell(Stop.Instance, Self);
    }
}
