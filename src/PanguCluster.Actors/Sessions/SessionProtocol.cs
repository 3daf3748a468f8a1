using Akka.Actor;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Wire;

namespace PanguCluster.Actors.Sessions;

/// <summary>
/// What a stream and the record of its session say to each other. Messages to a session go to the sessions' region; the sender is the
/// stream, and gets the answers. Nothing is lost for good: whoever misses an answer asks again, and every message may come twice.
/// </summary>
public static class SessionProtocol
{
    /// <summary>Most tokens of one <see cref="Record"/> or <see cref="End"/>.</summary>
    public const int MaxTokensPerMessage = 256;

    public interface IMessage : IWireMessage
    {
        string SessionId { get; }
    }

    /// <summary>To the region: starts the session's actor wherever it belongs.</summary>
    public interface ICommand : IMessage;

    /// <summary>
    /// A request has come. Answered by <see cref="Opened"/> once it is on disk, also when it was already: the same request, then.
    /// Otherwise by <see cref="OpenRefused"/> (Conflict, Unavailable), or not at all while the session moves: ask again.
    /// </summary>
    /// <param name="NodeId">Of the stream's node, for the listing.</param>
    public sealed record Open(string SessionId, SessionRecord Request, IActorRef Stream, string NodeId) : ICommand;

    /// <summary>A caller is back. Answered as <see cref="Open"/> is; refused with NotFound, also when it is another owner's.</summary>
    public sealed record Attach(string SessionId, string Owner, IActorRef Stream, string NodeId) : ICommand;

    /// <param name="Request">As it was recorded at first: its seed, and its time, stay.</param>
    /// <param name="Choices">One of every choice.</param>
    /// <param name="Attempt">Grows with every stream that takes the session over, from 1; goes into all the stream sends.</param>
    public sealed record Opened(string SessionId, SessionRecord Request, IReadOnlyList<RecordedChoice> Choices, int Attempt) : IMessage;

    public sealed record OpenRefused(string SessionId, FailureKind Kind, string Message) : IMessage;

    /// <summary>
    /// Tokens of one choice. Answered by <see cref="Recorded"/> once they are on disk; what was not answered is sent again after a while.
    /// An empty one only says that the stream lives: at least every <see cref="SessionOptions.Silence"/> / 3.
    /// </summary>
    /// <param name="FirstIndex">Index of the first token; a gap before it is answered by how far the record goes.</param>
    public sealed record Record(
        string SessionId, int Attempt, string NodeId, int Choice, int FirstIndex, IReadOnlyList<RecordedToken> Tokens) : ICommand;

    /// <param name="Count">The choice's recorded tokens: the stream goes on from there.</param>
    public sealed record Recorded(string SessionId, int Choice, int Count) : IMessage;

    /// <summary>A choice has ended, with its last tokens. Answered by <see cref="Ended"/>, or by <see cref="Recorded"/> when tokens before it are missing.</summary>
    public sealed record End(
        string SessionId, int Attempt, string NodeId, int Choice, int FirstIndex, IReadOnlyList<RecordedToken> Tokens, RecordedEnd Outcome) : ICommand;

    public sealed record Ended(string SessionId, int Choice) : IMessage;

    /// <summary>To a stream: a later one has the session. It may end, if it has no caller of its own.</summary>
    /// <param name="Attempt">The later stream's.</param>
    public sealed record Superseded(string SessionId, int Attempt) : IMessage;

    /// <summary>Ends the session, wherever its stream runs. Answered by <see cref="CancelReply"/>.</summary>
    /// <param name="Owner">Whose it must be; null: an operator's word, anybody's session.</param>
    public sealed record CancelSession(string SessionId, string? Owner) : ICommand;

    /// <param name="Found">There is such a session of this owner; it may have ended before.</param>
    public sealed record CancelReply(string SessionId, bool Found) : IMessage;

    /// <summary>To the running stream: finish every choice as cancelled.</summary>
    public sealed record CancelStream(string SessionId) : IMessage;

    /// <summary>Asks for recorded tokens without disturbing the stream. Answered by <see cref="Page"/>.</summary>
    public sealed record Read(string SessionId, int Choice, int FirstIndex) : ICommand;

    /// <param name="Request">Null: no such session.</param>
    /// <param name="TokenIds">From the asked index on, at most <see cref="MaxTokensPerPage"/>.</param>
    /// <param name="Counts">Recorded tokens, choice by choice.</param>
    public sealed record Page(
        string SessionId, SessionRecord? Request, int Choice, int FirstIndex, IReadOnlyList<int> TokenIds, IReadOnlyList<int> Counts) : IMessage;

    public const int MaxTokensPerPage = 16384;

    /// <summary>Makes a session say how it stands, and erase itself if it has been idle since before a time. Not answered.</summary>
    public sealed record Inspect(string SessionId, DateTimeOffset EraseBefore) : ICommand;
}
