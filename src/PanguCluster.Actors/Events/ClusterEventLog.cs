using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace PanguCluster.Actors.Events;

/// <summary>One node's end of the log: takes what its parts record, and shows what the cluster knows. Any thread may use it.</summary>
public sealed class ClusterEventLog : IClusterEvents
{
    /// <summary>Recorded and not yet replicated; more are dropped, the newest first.</summary>
    public const int MaxPending = 1024;

    /// <summary>Known and not yet read by a follower; then its oldest are dropped, as the log drops its own.</summary>
    public const int MaxUnread = 2 * EventPageKey.Count * EventPage.Capacity;

    private readonly string _recorder;
    private readonly TimeProvider _time;
    private readonly Channel<ClusterEvent> _pending = Channel.CreateBounded<ClusterEvent>(
        new BoundedChannelOptions(MaxPending) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Lock _gate = new();
    private readonly EventPage[] _pages = [.. Enumerable.Repeat(EventPage.Empty, EventPageKey.Count)];
    private readonly HashSet<Channel<ClusterEvent>> _followers = [];
    private ImmutableArray<ClusterEvent>? _recent = [];
    private long _sequence;

    /// <param name="recorder">Id of this node.</param>
    public ClusterEventLog(string recorder, TimeProvider time)
    {
        _recorder = recorder;
        _time = time;
        // A node that comes back under its old id goes on above what it recorded before.
        _sequence = Now << 20;
    }

    public ImmutableArray<ClusterEvent> Recent
    {
        get
        {
            lock (_gate)
                return _recent ??= [.. _pages.SelectMany(p => p.Events).Order(EventOrder.Instance)];
        }
    }

    internal ChannelReader<ClusterEvent> Pending => _pending.Reader;

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    public void Record(ClusterEventKind kind, string subject, string detail, TimeSpan? duration = null) =>
        Record(new ClusterEvent(Now, _recorder, Interlocked.Increment(ref _sequence), kind, subject, detail, duration?.TotalMilliseconds));

    public async IAsyncEnumerable<ClusterEvent> FollowAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var unread = Channel.CreateBounded<ClusterEvent>(new BoundedChannelOptions(MaxUnread) { FullMode = BoundedChannelFullMode.DropOldest });
        ImmutableArray<ClusterEvent> known;
        lock (_gate)
        {
            known = Recent;
            _followers.Add(unread);
        }
        try
        {
            foreach (var e in known)
                yield return e;
            await foreach (var e in unread.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
                yield return e;
        }
        finally
        {
            lock (_gate)
                _followers.Remove(unread);
        }
    }

    internal void Record(ClusterEvent e) => _pending.Writer.TryWrite(e with
    {
        Subject = EventLimits.Fit(e.Subject, EventLimits.NameBytes),
        Detail = EventLimits.Fit(e.Detail, EventLimits.DetailBytes),
        DurationMs = e.DurationMs is { } ms && double.IsFinite(ms) ? Math.Max(ms, 0) : null,
    });

    internal bool Knows((string, long) identity)
    {
        lock (_gate)
            return _pages.Any(p => p.Events.Any(e => EventOrder.Identity(e) == identity));
    }

    /// <summary>What the cluster knows of one page now.</summary>
    internal void Learn(int page, EventPage state)
    {
        lock (_gate)
        {
            var before = _pages[page].Events.Select(EventOrder.Identity).ToHashSet();
            var merged = _pages[page].Merge(state);
            if (merged.Equals(_pages[page]))
                return;
            _pages[page] = merged;
            _recent = null;
            foreach (var e in merged.Events)
                if (!before.Contains(EventOrder.Identity(e)))
                    foreach (var follower in _followers)
                        follower.Writer.TryWrite(e);
        }
    }
}
