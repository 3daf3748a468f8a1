using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Akka.Actor;
using Akka.Cluster;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Actors.Sessions.Book;

/// <summary>Lists from the index, replays through the actors. Exists before the actor system does; until then nothing is available.</summary>
internal sealed class SessionBook(ISessionIndex index, StreamSettings streams) : ISessionBook
{
    /// <summary>Most sessions of one listing.</summary>
    public const int MaxLimit = 10_000;

    private Opened? _opened;

    private sealed record Opened(ActorSystem System, IActorRef Region);

    public void Open(ActorSystem system, IActorRef region) => Volatile.Write(ref _opened, new Opened(system, region));

    public async Task<SessionListing> ListAsync(string prefix, int limit, CancellationToken cancellation)
    {
        limit = Math.Clamp(limit, 1, MaxLimit);
        var rows = await Rows(prefix, limit + 1, cancellation);
        return new SessionListing([.. rows.Take(limit)], rows.Count > limit);
    }

    public async Task<SessionSummary> FindAsync(string prefix, CancellationToken cancellation)
    {
        if (prefix.Length == 0)
            throw new SessionNameException(SessionNameProblem.Unknown, "name a session, or the beginning of its id");
        // An id that is the beginning of others is found by its full name: its row is among the first by id, not by time.
        var rows = await Rows(prefix, MaxLimit, cancellation);
        if (rows.FirstOrDefault(r => r.SessionId == prefix) is { } exact)
            return exact;
        return rows.Count switch
        {
            0 => throw new SessionNameException(SessionNameProblem.Unknown, $"there is no session '{prefix}'"),
            1 => rows[0],
            _ => throw new SessionNameException(
                SessionNameProblem.Ambiguous,
                $"'{prefix}' is the beginning of {rows.Count} sessions: {string.Join(", ", rows.Take(3).Select(r => r.SessionId))}{(rows.Count > 3 ? ", ..." : "")}"),
        };
    }

    public async IAsyncEnumerable<VerifyReport> VerifyAsync(string sessionId, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (system, region) = Running();
        var session = await FindAsync(sessionId, cancellation);
        var reports = Channel.CreateUnbounded<VerifyReport>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var replay = system.ActorOf(Props.Create(() => new SessionReplay(session.SessionId, region, streams, reports.Writer)));
        try
        {
            await foreach (var report in reports.Reader.ReadAllAsync(cancellation))
                yield return report;
        }
        finally
        {
            system.Stop(replay);
        }
    }

    private async Task<IReadOnlyList<SessionSummary>> Rows(string prefix, int limit, CancellationToken cancellation)
    {
        var (system, _) = Running();
        if (prefix.Length > 0 && !SessionSharding.IsValidId(prefix))
            return [];
        var live = SessionHosts.Live(Cluster.Get(system));
        try
        {
            var rows = await index.ListAsync(prefix, limit, cancellation);
            return [.. rows.Select(r => r.Summary.State == SessionState.Running && !live.Contains(r.Host)
                ? r.Summary with { State = SessionState.Interrupted }
                : r.Summary)];
        }
        catch (Exception e) when (e is DbException or TimeoutException or InvalidOperationException or IOException)
        {
            throw new SessionsUnavailableException($"the journal of sessions is not available: {e.Message}", e);
        }
    }

    private Opened Running() => Volatile.Read(ref _opened) ?? throw new SessionsUnavailableException("this node is starting");
}
