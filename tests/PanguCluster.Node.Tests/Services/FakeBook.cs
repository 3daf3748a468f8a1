using System.Runtime.CompilerServices;
using PanguCluster.Actors.Sessions;

namespace PanguCluster.Node.Tests.Services;

/// <summary>Recorded sessions as a test puts them.</summary>
internal sealed class FakeBook : ISessionBook
{
    public List<SessionSummary> Sessions { get; } = [];

    public List<VerifyReport> Reports { get; } = [];

    /// <summary>Thrown at everybody who asks.</summary>
    public Exception? Broken { get; set; }

    public static SessionSummary Session(string id, SessionState state = SessionState.Finished, string node = "n1", string owner = "") => new(
        id, state, node, owner, DateTimeOffset.UnixEpoch.AddDays(1), state == SessionState.Running ? null : DateTimeOffset.UnixEpoch.AddDays(2), 3, 2, 40, 1,
        ulong.MaxValue, new string('a', 64));

    public Task<SessionListing> ListAsync(string prefix, int limit, CancellationToken cancellation)
    {
        if (Broken is not null)
            throw Broken;
        var all = Sessions.Where(s => s.SessionId.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        return Task.FromResult(new SessionListing([.. all.Take(limit)], all.Count > limit));
    }

    public async Task<SessionSummary> FindAsync(string prefix, CancellationToken cancellation)
    {
        var found = (await ListAsync(prefix, 10, cancellation)).Sessions;
        return found.FirstOrDefault(s => s.SessionId == prefix) ?? found.Count switch
        {
            0 => throw new SessionNameException(SessionNameProblem.Unknown, "none"),
            1 => found[0],
            _ => throw new SessionNameException(SessionNameProblem.Ambiguous, string.Join(", ", found.Select(s => s.SessionId))),
        };
    }

    public async IAsyncEnumerable<VerifyReport> VerifyAsync(string sessionId, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var session = await FindAsync(sessionId, cancellation);
        foreach (var report in Reports)
            yield return report with { SessionId = session.SessionId };
    }
}
