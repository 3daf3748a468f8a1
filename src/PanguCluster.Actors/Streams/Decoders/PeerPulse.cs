using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Wire;

namespace PanguCluster.Actors.Streams;

/// <summary>Between the stream supervisors of two nodes: are you there?</summary>
public static class PulseProtocol
{
    /// <param name="Sent">The asker's clock; comes back.</param>
    public sealed record Pulse(long Sent) : IWireMessage;

    public sealed record PulseReply(long Sent) : IWireMessage;
}

/// <summary>
/// Who of the asked nodes does not answer. Faster than the membership's failure detector and free to be wrong: the price of a false
/// suspicion is one sequence computed twice for a while. Timestamps are those of one <see cref="TimeProvider"/>. Pure.
/// </summary>
internal sealed class PeerPulse(TimeProvider time, TimeSpan interval, int missed)
{
    private sealed class Peer(long since)
    {
        public long Heard = since;
        public long? SuspectedAt;
    }

    private readonly Dictionary<Address, Peer> _peers = [];
    private long _lastTick = time.GetTimestamp();

    public ImmutableHashSet<Address> Suspected => [.. _peers.Where(p => p.Value.SuspectedAt is not null).Select(p => p.Key)];

    /// <summary>One turn of the clock.</summary>
    /// <param name="used">Nodes somebody depends on.</param>
    /// <param name="present">Nodes with a decoder in the view; those of them that are suspected are asked too, so that they can come back.</param>
    /// <param name="ask">Gets every node that is to be asked now.</param>
    /// <returns>How many are newly suspected.</returns>
    public int Tick(IReadOnlySet<Address> used, IReadOnlySet<Address> present, Action<Address> ask)
    {
        long now = time.GetTimestamp();
        // Whoever was held up itself knows nothing of the others' silence.
        bool heldUp = time.GetElapsedTime(_lastTick, now) > interval * 3;
        _lastTick = now;
        foreach (var gone in _peers.Keys.Where(a => !used.Contains(a) && !(present.Contains(a) && _peers[a].SuspectedAt is not null)).ToArray())
            _peers.Remove(gone);
        foreach (var address in used)
            _peers.TryAdd(address, new Peer(now));
        int suspected = 0;
        foreach (var (address, peer) in _peers)
        {
            if (heldUp)
                peer.Heard = now;
            else if (peer.SuspectedAt is null && time.GetElapsedTime(peer.Heard, now) > interval * missed)
            {
                peer.SuspectedAt = now;
                suspected++;
            }
            ask(address);
        }
        return suspected;
    }

    /// <summary>Its connection broke.</summary>
    /// <returns>False: it is suspected already.</returns>
    public bool Broken(Address address)
    {
        long now = time.GetTimestamp();
        if (!_peers.TryGetValue(address, out var peer))
            _peers[address] = peer = new Peer(now);
        if (peer.SuspectedAt is not null)
            return false;
        peer.SuspectedAt = now;
        return true;
    }

    /// <summary>It has answered. Only an answer to what was asked after the suspicion ends that.</summary>
    /// <returns>It is not suspected any more.</returns>
    public bool Heard(Address address, long sent)
    {
        if (!_peers.TryGetValue(address, out var peer))
            return false;
        peer.Heard = time.GetTimestamp();
        if (peer.SuspectedAt is not { } since || sent <= since)
            return false;
        peer.SuspectedAt = null;
        return true;
    }
}
