using PanguCluster.Actors.Streams;
using static PanguCluster.Actors.Sessions.SessionProtocol;

namespace PanguCluster.Actors.Sessions;

/// <summary>What a session says, made of what is recorded. Pure.</summary>
internal static class SessionAnswers
{
    public static Opened Opened(string id, RecordedSession session) =>
        new(id, session.Request, MessageSizing.Fit(session.Choices), session.Attempt);

    public static Recorded Recorded(string id, RecordedSession session, int choice) => new(id, choice, session.Choices[choice].Tokens.Count);

    /// <param name="session">Null: there is none.</param>
    public static Page Page(string id, RecordedSession? session, Read read)
    {
        if (session is null || read.Choice < 0 || read.Choice >= session.Choices.Length)
            return new Page(id, null, read.Choice, read.FirstIndex, [], []);
        var tokens = session.Choices[read.Choice].Tokens;
        int first = Math.Clamp(read.FirstIndex, 0, tokens.Count);
        var ids = tokens.GetRange(first, Math.Min(MaxTokensPerPage, tokens.Count - first)).Select(t => t.TokenId);
        return new Page(id, session.Request, read.Choice, first, [.. ids], [.. session.Choices.Select(c => c.Tokens.Count)]);
    }

    public static OpenRefused Conflict(string id, SessionRecord known, SessionRecord asked) => new(
        id,
        FailureKind.Conflict,
        known.Owner == asked.Owner && known.ModelDigest != asked.ModelDigest
            ? $"session {id} was computed with another model ({known.ModelDigest}); give the request another session id"
            : $"session {id} belongs to another request; give this one another session id");

    public static OpenRefused NotFound(string id) => new(id, FailureKind.NotFound, "no such session");

    public static OpenRefused Unavailable(string id, Exception cause) => new(
        id, FailureKind.Unavailable, $"the journal of sessions is not available, try again in some seconds ({cause.GetType().Name})");
}
