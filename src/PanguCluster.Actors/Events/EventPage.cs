using System.Collections.Immutable;
using Akka.DistributedData;
using PanguCluster.Actors.Wire;

namespace PanguCluster.Actors.Events;

/// <summary>
/// A part of the cluster's log, small enough to travel as a whole: the newest <see cref="Capacity"/> events of those that fall into it.
/// Merging joins two pages, takes the greater of two events of one identity, and keeps the newest; so it is idempotent, commutative and associative.
/// </summary>
public sealed class EventPage : IReplicatedData<EventPage>, IWireMessage, IEquatable<EventPage>
{
    public const int Capacity = 64;

    public static readonly EventPage Empty = new([]);

    private EventPage(ImmutableArray<ClusterEvent> events) => Events = events;

    /// <summary>In the order of <see cref="EventOrder"/>; no two have one identity.</summary>
    public ImmutableArray<ClusterEvent> Events { get; }

    public static EventPage Of(IEnumerable<ClusterEvent> events)
    {
        var greatest = new Dictionary<(string, long), ClusterEvent>();
        foreach (var e in events)
            if (!greatest.TryGetValue(EventOrder.Identity(e), out var known) || EventOrder.Instance.Compare(e, known) > 0)
                greatest[EventOrder.Identity(e)] = e;
        ImmutableArray<ClusterEvent> sorted = [.. greatest.Values.Order(EventOrder.Instance).TakeLast(Capacity)];
        return sorted.IsEmpty ? Empty : new EventPage(sorted);
    }

    public EventPage Add(IEnumerable<ClusterEvent> events) => Of(Events.Concat(events));

    public EventPage Merge(EventPage other) => ReferenceEquals(this, other) ? this : Add(other.Events);

    IReplicatedData IReplicatedData.Merge(IReplicatedData other) => Merge((EventPage)other);

    public bool Equals(EventPage? other) => other is not null && Events.AsSpan().SequenceEqual(other.Events.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as EventPage);

    public override int GetHashCode() => Events.Length == 0 ? 0 : HashCode.Combine(Events.Length, Events[^1]);
}

/// <summary>Which events share a page.</summary>
public sealed class EventPageKey : Key<EventPage>
{
    /// <summary>All pages together, each event at its longest, fit one frame of Akka.Remote: gossip sends several pages in one message.</summary>
    public const int Count = 16;

    private EventPageKey(int page)
        : base($"pangu-events-{page}") => Page = page;

    public static ImmutableArray<EventPageKey> All { get; } = [.. Enumerable.Range(0, Count).Select(i => new EventPageKey(i))];

    public int Page { get; }

    /// <summary>Consecutive events of one recorder go to different pages, so that a page overflows only when the log does.</summary>
    public static EventPageKey Of(ClusterEvent e)
    {
        uint hash = 2166136261;
        foreach (char c in e.Recorder)
            hash = (hash ^ c) * 16777619;
        return All[(int)((hash + (ulong)e.Sequence) % Count)];
    }
}
