namespace PanguCluster.Actors.Sessions;

/// <summary>What the journal holds; protobuf by <see cref="Wire.SessionJournalSerializer"/>, whose manifests and field numbers never change.</summary>
public interface IJournalled;

/// <summary>What has happened to a session.</summary>
public interface ISessionEvent : IJournalled
{
    DateTimeOffset At { get; }
}

/// <param name="NodeId">Of the first stream.</param>
public sealed record Accepted(SessionRecord Request, string NodeId) : ISessionEvent
{
    public DateTimeOffset At => Request.AcceptedAt;
}

/// <summary>Another stream has taken the session over.</summary>
/// <param name="Resume">A client came back for it, rather than sending its request again.</param>
public sealed record Attached(int Attempt, bool Resume, string NodeId, DateTimeOffset At) : ISessionEvent;

/// <summary>The next tokens of a choice.</summary>
public sealed record TokensRecorded(int Choice, int FirstIndex, IReadOnlyList<RecordedToken> Tokens, DateTimeOffset At) : ISessionEvent;

/// <summary>A choice has ended, with its last tokens.</summary>
public sealed record ChoiceEnded(
    int Choice, int FirstIndex, IReadOnlyList<RecordedToken> Tokens, RecordedEnd End, DateTimeOffset At) : ISessionEvent;

/// <summary>All of the above in one.</summary>
public sealed record SessionSnapshot(
    SessionRecord Request, IReadOnlyList<RecordedChoice> Choices, int Attempt, int Resumes, string NodeId, DateTimeOffset ActiveAt,
    DateTimeOffset? EndedAt) : IJournalled;
