using Akka.Cluster;
using AkkaEvents = Akka.Cluster.ClusterEvent;

namespace PanguCluster.Actors.Events;

/// <summary>
/// Turns what membership says into events. Every node sees the same, so the events have no recorder of their own but <see cref="Recorder"/>, and an
/// identity that follows from member and kind. The leader records them; the others only what is still missing a while later, as when the leader has died.
/// </summary>
internal sealed class MembershipEvents(Func<string, string?> nodeIdOf, Func<(string, long), bool> isKnown, TimeProvider time)
{
    public const string Recorder = "cluster";

    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private readonly Dictionary<UniqueAddress, string> _ids = [];
    private readonly Dictionary<UniqueAddress, long> _joined = [];
    private readonly Dictionary<UniqueAddress, long> _leaving = [];
    private readonly List<Seen> _pending = [];

    private sealed record Seen(UniqueAddress Who, ClusterEventKind Kind, string Detail, long AtUnixMs, long Since, TimeSpan? Duration);

    public void On(AkkaEvents.ReachabilityEvent e)
    {
        if (e is AkkaEvents.UnreachableMember)
            _leaving.TryAdd(e.Member.UniqueAddress, time.GetTimestamp());
        else if (e.Member.Status is MemberStatus.Up or MemberStatus.WeaklyUp or MemberStatus.Joining)
            _leaving.Remove(e.Member.UniqueAddress);
    }

    public void On(AkkaEvents.IMemberEvent e)
    {
        var who = e.Member.UniqueAddress;
        long now = time.GetTimestamp();
        switch (e)
        {
            case AkkaEvents.MemberJoined:
                _joined.TryAdd(who, now);
                Add(ClusterEventKind.NodeJoined, "joins", null);
                break;
            case AkkaEvents.MemberUp:
                Add(ClusterEventKind.NodeUp, "is a member", Since(_joined));
                break;
            case AkkaEvents.MemberLeft:
                _leaving.TryAdd(who, now);
                Add(ClusterEventKind.NodeLeaving, "leaves", null);
                break;
            case AkkaEvents.MemberDowned:
                _leaving.TryAdd(who, now);
                Add(ClusterEventKind.NodeDowned, "does not answer and is given up", Since(_leaving));
                break;
            case AkkaEvents.MemberRemoved removed:
                Add(ClusterEventKind.NodeRemoved, removed.PreviousStatus == MemberStatus.Down ? "is gone" : "has left", Since(_leaving));
                _joined.Remove(who);
                _leaving.Remove(who);
                break;
        }

        TimeSpan? Since(Dictionary<UniqueAddress, long> starts) => starts.TryGetValue(who, out long start) ? time.GetElapsedTime(start, now) : null;

        void Add(ClusterEventKind kind, string detail, TimeSpan? duration)
        {
            Name(who);
            _pending.Add(new Seen(who, kind, $"{who.Address.Host}:{who.Address.Port} {detail}", time.GetUtcNow().ToUnixTimeMilliseconds(), now, duration));
        }
    }

    /// <summary>What is to be recorded now. The leader waits only until it knows what a newcomer calls itself.</summary>
    public IReadOnlyList<ClusterEvent> Due(bool leader)
    {
        foreach (var seen in _pending)
            Name(seen.Who);
        var due = new List<ClusterEvent>();
        _pending.RemoveAll(seen =>
        {
            bool late = time.GetElapsedTime(seen.Since) >= Grace;
            if (!late && !(leader && _ids.ContainsKey(seen.Who)))
                return false;
            long sequence = SequenceOf(seen.Who, seen.Kind);
            if (!isKnown((Recorder, sequence)))
                due.Add(new ClusterEvent(
                    seen.AtUnixMs, Recorder, sequence, seen.Kind, _ids.GetValueOrDefault(seen.Who, seen.Who.Address.ToString()), seen.Detail,
                    seen.Duration?.TotalMilliseconds));
            if (seen.Kind == ClusterEventKind.NodeRemoved)
                _ids.Remove(seen.Who);
            return true;
        });
        return due;
    }

    private void Name(UniqueAddress who)
    {
        if (!_ids.ContainsKey(who) && nodeIdOf(who.Address.ToString()) is { Length: > 0 } id)
            _ids[who] = id;
    }

    /// <summary>The same on every node, and at least 0: FNV-1a of address, incarnation and kind.</summary>
    internal static long SequenceOf(UniqueAddress who, ClusterEventKind kind)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in $"{who.Address}#{who.Uid}/{(int)kind}")
            hash = (hash ^ c) * 1099511628211;
        return (long)(hash & long.MaxValue);
    }
}
