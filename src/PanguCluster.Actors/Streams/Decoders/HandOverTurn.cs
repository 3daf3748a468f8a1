using Akka.Actor;

namespace PanguCluster.Actors.Streams;

/// <summary>A stream's turn to hand over: asked for once, given back as soon as it is of no use.</summary>
internal sealed class HandOverTurn(IActorRef supervisor, IActorRef self)
{
    private bool _asked;

    public bool Has { get; private set; }

    public void Want()
    {
        if (_asked)
            return;
        _asked = true;
        supervisor.Tell(StreamProtocol.WantHandOver.Instance, self);
    }

    public void Got()
    {
        if (_asked)
            Has = true;
        else
            supervisor.Tell(StreamProtocol.HandOverDone.Instance, self);
    }

    public void GiveBack()
    {
        if (!_asked)
            return;
        (_asked, Has) = (false, false);
        supervisor.Tell(StreamProtocol.HandOverDone.Instance, self);
    }
}
