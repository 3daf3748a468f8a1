namespace PanguCluster.Actors.Sessions;

public enum SessionState
{
    /// <summary>A stream is at work on it.</summary>
    Running,

    /// <summary>Accepted and not ended, with nobody at work on it: a resume goes on with it.</summary>
    Interrupted,
    Finished,
    Cancelled,
    Failed,
}

/// <summary>One recorded session in a listing.</summary>
/// <param name="NodeId">Node whose stream runs it, or ran it last.</param>
/// <param name="GeneratedTokens">Recorded ones, of all choices.</param>
/// <param name="Resumes">Times a client came back for it.</param>
public sealed record SessionSummary(
    string SessionId, SessionState State, string NodeId, string Owner, DateTimeOffset Accepted, DateTimeOffset? Ended, int PromptTokens,
    int Choices, int GeneratedTokens, int Resumes, ulong Seed, string ModelDigest);

/// <param name="More">There are more than the limit.</param>
public sealed record SessionListing(IReadOnlyList<SessionSummary> Sessions, bool More);

/// <summary>One report of a replay; the last one has an outcome.</summary>
/// <param name="Identical">Null while it goes on.</param>
/// <param name="Difference">Where recorded and computed tokens first differ.</param>
public sealed record VerifyReport(string SessionId, int CheckedTokens, int TotalTokens, bool? Identical, TokenDifference? Difference);

public readonly record struct TokenDifference(int Choice, int Index, int RecordedTokenId, int ComputedTokenId);

public enum SessionNameProblem
{
    Unknown,

    /// <summary>The beginning of several ids.</summary>
    Ambiguous,

    /// <summary>The session exists, and cannot be computed here.</summary>
    Incomparable,
}

/// <summary>A name that is of no use: no session's, several sessions', or one's that this cluster cannot compute.</summary>
public sealed class SessionNameException(SessionNameProblem problem, string message) : Exception(message)
{
    public SessionNameProblem Problem { get; } = problem;
}

/// <summary>The journal is not available.</summary>
public sealed class SessionsUnavailableException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The operator's view of the recorded sessions.</summary>
public interface ISessionBook
{
    /// <summary>Newest first.</summary>
    /// <exception cref="SessionsUnavailableException">The journal is not available.</exception>
    Task<SessionListing> ListAsync(string prefix, int limit, CancellationToken cancellation);

    /// <summary>The one session whose id begins so.</summary>
    /// <exception cref="SessionNameException">None, or several.</exception>
    /// <exception cref="SessionsUnavailableException">The journal is not available.</exception>
    Task<SessionSummary> FindAsync(string prefix, CancellationToken cancellation);

    /// <summary>Computes the session again on this cluster and compares every recorded token.</summary>
    /// <exception cref="SessionNameException">No such session.</exception>
    /// <exception cref="SessionsUnavailableException">The journal, or a decoder, is not available.</exception>
    IAsyncEnumerable<VerifyReport> VerifyAsync(string sessionId, CancellationToken cancellation);
}
