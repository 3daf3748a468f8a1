using System.Collections.Concurrent;

namespace PanguCluster.Actors.Sessions.Book;

/// <summary>For the memory journal: of one process.</summary>
internal sealed class MemorySessionIndex : ISessionIndex
{
    private readonly ConcurrentDictionary<string, SessionRow> _rows = [];

    public Task PrepareAsync(CancellationToken cancellation) => Task.CompletedTask;

    public Task UpsertAsync(IReadOnlyCollection<SessionRow> rows, CancellationToken cancellation)
    {
        foreach (var row in rows)
            _rows.AddOrUpdate(row.Summary.SessionId, row, (_, old) => old.SequenceNr > row.SequenceNr ? old : row);
        return Task.CompletedTask;
    }

    public Task EraseAsync(string sessionId, CancellationToken cancellation)
    {
        _rows.TryRemove(sessionId, out _);
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<SessionRow>> ListAsync(string prefix, int limit, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<SessionRow>>([.. _rows.Values
            .Where(r => r.Summary.SessionId.StartsWith(prefix, StringComparison.Ordinal))
            .OrderByDescending(r => r.Summary.Accepted).ThenBy(r => r.Summary.SessionId, StringComparer.Ordinal)
            .Take(limit)]);

    public Task<IReadOnlyList<string>> FindDoubtfulAsync(
        DateTimeOffset idleBefore, IReadOnlyCollection<string> hosts, int limit, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<string>>([.. _rows.Values
            .Where(r => r.Summary.State == SessionState.Running ? !hosts.Contains(r.Host) : r.ActiveAt < idleBefore)
            .Select(r => r.Summary.SessionId)
            .Take(limit)]);

    public Task<IReadOnlyList<string>> FindUnlistedAsync(int limit, CancellationToken cancellation) => Task.FromResult<IReadOnlyList<string>>([]);
}
