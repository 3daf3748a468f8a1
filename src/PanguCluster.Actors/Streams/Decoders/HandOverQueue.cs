using Akka.Actor;

namespace PanguCluster.Actors.Streams;

/// <summary>Streams that have to leave their decoders, first come, first served, a few at a time. Pure.</summary>
internal sealed class HandOverQueue(int most)
{
    private readonly HashSet<IActorRef> _turns = [];
    private readonly LinkedList<IActorRef> _waiting = [];

    /// <returns>It is this one's turn now. Otherwise <see cref="Done"/> says when.</returns>
    public bool Want(IActorRef stream)
    {
        if (_turns.Contains(stream))
            return true;
        if (_waiting.Contains(stream))
            return false;
        if (_turns.Count < most)
            return _turns.Add(stream);
        _waiting.AddLast(stream);
        return false;
    }

    /// <summary>The stream has handed over, or given that up, or is no more.</summary>
    /// <returns>Whose turn it is now; null: nobody's.</returns>
    public IActorRef? Done(IActorRef stream)
    {
        _waiting.Remove(stream);
        if (!_turns.Remove(stream) || _waiting.First is not { } first)
            return null;
        _waiting.RemoveFirst();
        _turns.Add(first.Value);
        return first.Value;
    }
}
