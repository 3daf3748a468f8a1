using Akka.Actor;
using Akka.Cluster;
using Akka.Event;

namespace PanguCluster.Actors.Sessions.Book;

/// <summary>
/// Makes doubtful sessions speak up, and old ones erase themselves: on the leader of the nodes that keep sessions only, a bounded number each time. That two nodes
/// take themselves for the leader for a while does no harm.
/// </summary>
internal sealed class SessionSweeper : UntypedActor, IWithTimers
{
    /// <summary>Sessions of one sweep; when there are more the next one follows at once.</summary>
    public const int Batch = 200;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    private readonly ISessionIndex _index;
    private readonly IActorRef _region;
    private readonly SessionOptions _options;
    private readonly TimeProvider _time;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Cluster _cluster = Cluster.Get(Context.System);
    private IReadOnlyCollection<string>? _searchedWith;

    public SessionSweeper(ISessionIndex index, IActorRef region, SessionOptions options, TimeProvider time)
    {
        _index = index;
        _region = region;
        _options = options;
        _time = time;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private sealed record Sweep : INoSerializationVerificationNeeded
    {
        public static readonly Sweep Instance = new();
    }

    /// <param name="Hosts">Those that were up when the journal was searched for what is not listed; null: it was not.</param>
    private sealed record Found(IReadOnlyList<string> Ids, DateTimeOffset IdleBefore, IReadOnlyCollection<string>? Hosts)
        : INoSerializationVerificationNeeded;

    protected override void PreStart() => Again(Every);

    private TimeSpan Every => _options.SweepEvery;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Sweep when _cluster.SelfAddress.Equals(_cluster.State.RoleLeader(NodeRoles.Gateway)):
                Look(_time.GetUtcNow() - _options.Keep, SessionHosts.Live(_cluster)).PipeTo(Self, Self);
                break;
            case Sweep:
                Again(Every);
                break;
            case Found found:
                foreach (string id in found.Ids)
                    _region.Tell(new SessionProtocol.Inspect(id, found.IdleBefore), Self);
                if (found.Ids.Count < Batch && found.Hosts is { } hosts)
                    _searchedWith = hosts;
                Again(found.Ids.Count >= Batch ? Soon : Every);
                break;
            case Status.Failure failed:
                _log.Debug("no sweep of old sessions: {0}", failed.Cause.Message);
                Again(Every);
                break;
        }
    }

    /// <summary>A session goes unlisted with its process only: the journal is searched for some when a process has gone or come, and at first.</summary>
    private async Task<Found> Look(DateTimeOffset before, IReadOnlyCollection<string> hosts)
    {
        bool search = _searchedWith is null || !hosts.ToHashSet().SetEquals(_searchedWith);
        var ids = await _index.FindDoubtfulAsync(before, hosts, Batch, CancellationToken.None).ConfigureAwait(false);
        if (search && ids.Count < Batch)
            ids = [.. ids, .. await _index.FindUnlistedAsync(Batch - ids.Count, CancellationToken.None).ConfigureAwait(false)];
        return new Found(ids, before, search ? hosts : null);
    }

    private void Again(TimeSpan after) => Timers.StartSingleTimer("sweep", Sweep.Instance, after);
}

/// <summary>Names for processes: an address and the number of its incarnation.</summary>
internal static class SessionHosts
{
    public static string Self(Cluster cluster) => Name(cluster.SelfUniqueAddress);

    public static IReadOnlyCollection<string> Live(Cluster cluster) =>
        [.. cluster.State.Members.Select(m => Name(m.UniqueAddress)).Append(Self(cluster)).Distinct()];

    private static string Name(UniqueAddress address) => $"{address.Address}#{address.Uid}";
}
