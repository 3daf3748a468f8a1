using Akka.Actor;

namespace PanguCluster.Actors.Sessions;

/// <summary>
/// The streams of a session: the one at work on it, and earlier ones that go on because they have callers of their own. Any of those can take over
/// when the one at work goes: what they bring is the same.
/// </summary>
internal sealed class SessionStreams(IActorContext context)
{
    private readonly Dictionary<IActorRef, string> _earlier = []; // and their nodes

    /// <summary>Node of <see cref="Current"/>.</summary>
    private string _nodeId = "";

    /// <summary>Whose tokens are recorded, or null.</summary>
    public IActorRef? Current { get; private set; }

    public IEnumerable<IActorRef> All => Current is { } current ? _earlier.Keys.Append(current) : _earlier.Keys;

    /// <summary>Anyone who could take over, and the id of its node.</summary>
    public (IActorRef Stream, string NodeId)? Successor => _earlier.Count == 0 ? null : _earlier.Select(s => (s.Key, s.Value)).First();

    /// <returns>Whom it takes the place of: null when there was none, or itself.</returns>
    public IActorRef? Take(IActorRef stream, string nodeId)
    {
        var before = stream.Equals(Current) ? null : Current;
        if (before is not null)
            _earlier[before] = _nodeId;
        _nodeId = nodeId;
        if (stream.Equals(Current))
            return null;
        if (!_earlier.Remove(stream))
            context.Watch(stream);
        Current = stream;
        return before;
    }

    /// <summary>One that is not at work, by what it says, and goes on.</summary>
    public void Keep(IActorRef stream, string nodeId)
    {
        if (!stream.Equals(Current) && _earlier.TryAdd(stream, nodeId))
            context.Watch(stream);
    }

    /// <returns>It was the one at work.</returns>
    public bool Lose(IActorRef stream)
    {
        context.Unwatch(stream);
        if (!stream.Equals(Current))
        {
            _earlier.Remove(stream);
            return false;
        }
        Current = null;
        return true;
    }

    public void Clear()
    {
        foreach (var stream in All)
            context.Unwatch(stream);
        Current = null;
        _earlier.Clear();
    }
}
