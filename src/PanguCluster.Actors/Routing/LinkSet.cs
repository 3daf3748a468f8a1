using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement;

namespace PanguCluster.Actors.Routing;

/// <summary>Makes links; the router's tests put fakes here.</summary>
public interface ILinkFactory
{
    /// <summary>A link that is connecting; it tells <paramref name="router"/> how it goes.</summary>
    ILinkPort Connect(PeerNode peer, IActorRef router);
}

/// <summary>Links of one router, one per peer of the route table: made, remade after a wait, dropped when the peer has gone.</summary>
internal sealed class LinkSet(
    ILinkFactory factory, RouterOptions options, TimeProvider time, IActorRef placement, RouterFaults faults, ILoggingAdapter log)
{
    private sealed class Entry(PeerNode peer)
    {
        public PeerNode Peer { get; } = peer;
        public ILinkPort? Link { get; set; }
        public int Failures { get; set; }
        public long WaitFrom { get; set; }
        public TimeSpan Wait { get; set; }
    }

    private readonly Dictionary<string, Entry> _entries = [];
    private readonly List<ILinkPort> _up = [];

    // By node id, and whether its process is known to be gone. Outlives the route table's peers: who comes back is trusted again.
    private readonly Dictionary<string, PeerLoss> _suspected = [];

    /// <summary>Links that can carry a frame now.</summary>
    public IReadOnlyList<ILinkPort> Up => _up;

    public void Follow(RouteTable routes, IActorRef router)
    {
        foreach (string gone in _entries.Where(e => !routes.Peers.Contains(e.Value.Peer)).Select(e => e.Key).ToArray())
        {
            Drop(_entries[gone].Link);
            _entries.Remove(gone);
        }
        foreach (var peer in routes.Peers)
            _entries.TryAdd(peer.NodeId, new Entry(peer));
        ConnectDue(router);
    }

    /// <summary>Connects what is not connected and has waited long enough.</summary>
    public void ConnectDue(IActorRef router)
    {
        foreach (var entry in _entries.Values)
            if (entry.Link is null && (entry.Failures == 0 || time.GetElapsedTime(entry.WaitFrom) >= entry.Wait))
                entry.Link = factory.Connect(entry.Peer, router);
    }

    /// <summary>False: not one of ours any more.</summary>
    public bool OnUp(LinkEvents.Up up)
    {
        if (!_entries.TryGetValue(up.Link.NodeId, out var entry) || !ReferenceEquals(entry.Link, up.Link))
        {
            (up.Link as IDisposable)?.Dispose();
            return false;
        }
        if (entry.Failures > 0)
            log.Info("link to node {0} is up again over {1}", up.Link.NodeId, up.Endpoint);
        entry.Failures = 0;
        if (_suspected.Remove(up.Link.NodeId))
            placement.Tell(new PlacementProtocol.PeerTrusted(up.Link.NodeId));
        _up.Add(up.Link);
        return true;
    }

    public void OnDown(LinkEvents.Down down)
    {
        _up.Remove(down.Link);
        if (!_entries.TryGetValue(down.Link.NodeId, out var entry) || !ReferenceEquals(entry.Link, down.Link))
            return;
        entry.Link = null;
        entry.WaitFrom = time.GetTimestamp();
        double factor = Math.Pow(2, Math.Min(entry.Failures++, 20));
        entry.Wait = down.Refused ? options.ReconnectMax : Min(options.ReconnectMin * factor, options.ReconnectMax);
        // A dead peer is tried again until membership takes it out: one line is enough.
        if (entry.Failures == 1 || down.Refused)
            log.Warning("peer suspected: link to node {0}: {1}", down.Link.NodeId, down.Reason);
        if (!down.Refused)
            Suspect(down);
    }

    /// <summary>Told once, and again when it turns out to be worse. A peer that refuses is alive.</summary>
    private void Suspect(LinkEvents.Down down)
    {
        bool known = _suspected.TryGetValue(down.Link.NodeId, out var loss);
        if (known && down.Loss <= loss)
            return;
        if (!known)
            faults.CountSuspicion();
        _suspected[down.Link.NodeId] = down.Loss;
        placement.Tell(new PlacementProtocol.PeerSuspected(down.Link.NodeId, down.Reason, down.Loss));
    }

    public void Dispose()
    {
        foreach (var entry in _entries.Values)
            Drop(entry.Link);
        _entries.Clear();
    }

    private void Drop(ILinkPort? link)
    {
        if (link is null)
            return;
        _up.Remove(link);
        (link as IDisposable)?.Dispose();
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
