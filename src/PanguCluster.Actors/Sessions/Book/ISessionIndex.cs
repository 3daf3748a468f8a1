namespace PanguCluster.Actors.Sessions.Book;

/// <summary>A session as it is listed.</summary>
/// <param name="SequenceNr">Of its last event: an older row never takes the place of a newer one.</param>
/// <param name="Host">Process whose session actor wrote it; with that process its word that a stream is running is gone too.</param>
/// <param name="ActiveAt">Time of its last event.</param>
internal sealed record SessionRow(SessionSummary Summary, long SequenceNr, string Host, DateTimeOffset ActiveAt);

/// <summary>
/// The list of all sessions, beside the journal and in the same database. It follows the journal and may lag behind it; the journal is right.
/// Failures are the database's own exceptions.
/// </summary>
internal interface ISessionIndex
{
    /// <summary>Makes what is missing; harmless when nothing is.</summary>
    Task PrepareAsync(CancellationToken cancellation);

    Task UpsertAsync(IReadOnlyCollection<SessionRow> rows, CancellationToken cancellation);

    /// <summary>Takes a session out, and what its erased events left in the journal.</summary>
    Task EraseAsync(string sessionId, CancellationToken cancellation);

    /// <summary>Newest first.</summary>
    Task<IReadOnlyList<SessionRow>> ListAsync(string prefix, int limit, CancellationToken cancellation);

    /// <summary>
    /// Ids of sessions to look at, in no order (one that cannot be helped must not stand before others for ever): idle since before a time, or said
    /// to run by a process that is none of <paramref name="hosts"/>.
    /// </summary>
    Task<IReadOnlyList<string>> FindDoubtfulAsync(DateTimeOffset idleBefore, IReadOnlyCollection<string> hosts, int limit, CancellationToken cancellation);

    /// <summary>Ids that are in the journal and not listed: their process died in between. Reads the whole journal.</summary>
    Task<IReadOnlyList<string>> FindUnlistedAsync(int limit, CancellationToken cancellation);
}
