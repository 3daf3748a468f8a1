using System.Threading.Channels;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Streams;

/// <summary>A validated request for one answer. Text has been tokenized; every limit has been checked at the edge.</summary>
/// <param name="SessionId">Unique in the cluster.</param>
/// <param name="StopStrings">Texts that end the answer; the answer is cut before them.</param>
/// <param name="StopTokenIds">Caller's stop ids; the model's own end tokens are added by the stream.</param>
/// <param name="Deadline">When the caller gives up, or null.</param>
public sealed record GenerationRequest(
    string SessionId, int[] Prompt, int MaxTokens, SamplingParameters Sampling,
    IReadOnlyList<string> StopStrings, IReadOnlyList<int> StopTokenIds, DateTimeOffset? Deadline)
{
    /// <summary>0-based: several answers to one prompt are several streams with one seed and different choices.</summary>
    public int Choice { get; init; }
}

/// <summary>What a client's call sees, in order: Accepted, TokenOut..., then FinishedOut or FailedOut.</summary>
public abstract record StreamEvent
{
    public sealed record Accepted(string SessionId, ulong Seed, string Model, int PromptTokens) : StreamEvent;

    /// <param name="Text">Pieces concatenate to exactly the detokenized answer; empty while a character or a possible stop string is incomplete.</param>
    public sealed record Token(int Choice, SampledToken Sampled, string Text) : StreamEvent;

    /// <param name="Text">Held-back text that turned out to belong to the answer (never a part of a stop string).</param>
    public sealed record Finished(int Choice, FinishReason Reason, string Text, int PromptTokens, int GeneratedTokens) : StreamEvent;

    public sealed record Failed(FailureKind Kind, string Message) : StreamEvent;
}

public enum FailureKind
{
    /// <summary>Queue full: try later (RESOURCE_EXHAUSTED).</summary>
    Overloaded,

    /// <summary>No decoder or no owner of a group within the deadline (UNAVAILABLE).</summary>
    Unavailable,

    /// <summary>The request cannot ever run here (INVALID_ARGUMENT).</summary>
    Invalid,

    /// <summary>The caller's deadline passed (DEADLINE_EXCEEDED).</summary>
    DeadlineExceeded,

    /// <summary>A bug or a broken model (INTERNAL).</summary>
    Internal,
}

/// <summary>The edge's way into the actors: starts one stream and hands back its events. No Ask; cancellation ends the stream and frees its blocks.</summary>
public interface IGenerationGateway
{
    /// <summary>Starts the stream at once; the channel completes after the last event. Cancelling the token cancels the sequence.</summary>
    ChannelReader<StreamEvent> Start(GenerationRequest request, CancellationToken cancellation);
}
