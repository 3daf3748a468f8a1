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
    /// <summary>Answers to give, 0-based choices with one seed: at least one.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>Whether the prompt's tokens come back before the answer, with log probabilities if those are asked for.</summary>
    public bool Echo { get; init; }

    /// <summary>Runs to its end without a caller.</summary>
    public bool Detached { get; init; }

    /// <summary>The caller chose <see cref="SessionId"/>: the same request under it joins the same stream, another one is refused.</summary>
    public bool NamedByCaller { get; init; }

    /// <summary>The seed is the server's pick, not the caller's: the same request again comes with another one.</summary>
    public bool SeedPicked { get; init; }

    /// <summary>Id of the API key the request came with; empty where no keys are in use. Nobody else sees the session.</summary>
    public string Owner { get; init; } = "";
}

/// <summary>A caller who comes back for a session, at any node.</summary>
/// <param name="NextIndices">First index still wanted of every choice; one entry serves every choice, none is all zero.</param>
/// <param name="Owner">As in <see cref="GenerationRequest.Owner"/>; a session of another owner is not found.</param>
/// <param name="Deadline">When the caller gives up, or null.</param>
public sealed record ResumeRequest(string SessionId, IReadOnlyList<int> NextIndices, string Owner, DateTimeOffset? Deadline);

/// <summary>
/// What a client's call sees, in order: Accepted, the prompt's tokens if they are echoed, every choice's tokens in order (those of several
/// choices mixed) and its Finished. Failed may take the place of all that has not come yet.
/// </summary>
public abstract record StreamEvent
{
    public sealed record Accepted(string SessionId, ulong Seed, string Model, int PromptTokens) : StreamEvent;

    /// <summary>A piece of the echoed prompt, in order.</summary>
    public sealed record Prompt(IReadOnlyList<PromptToken> Tokens) : StreamEvent;

    /// <param name="Text">Pieces concatenate to exactly the detokenized answer; empty while a character or a possible stop string is incomplete.</param>
    public sealed record Token(int Choice, SampledToken Sampled, string Text) : StreamEvent;

    /// <param name="Text">Held-back text that turned out to belong to the answer (never a part of a stop string).</param>
    public sealed record Finished(int Choice, FinishReason Reason, string Text, int PromptTokens, int GeneratedTokens) : StreamEvent;

    public sealed record Failed(FailureKind Kind, string Message) : StreamEvent
    {
        /// <summary>When the request is worth another try; null: the kind's usual time.</summary>
        public TimeSpan? RetryAfter { get; init; }
    }
}

/// <param name="Text">Pieces concatenate to exactly the detokenized prompt.</param>
/// <param name="Logprob">Of this token after those before it; NaN for the first one and where none are asked for.</param>
/// <param name="Top">Most likely tokens at this position, most likely first, or null.</param>
public sealed record PromptToken(int Index, int TokenId, string Text, float Logprob, TokenLogprob[]? Top);

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

    /// <summary>No such session, or another owner's (NOT_FOUND).</summary>
    NotFound,

    /// <summary>The session id belongs to another request (ALREADY_EXISTS).</summary>
    Conflict,

    /// <summary>Resumed beyond what the session has or will have (OUT_OF_RANGE).</summary>
    OutOfRange,
}

/// <summary>The edge's way into the actors: starts or joins a stream and hands back its events. No Ask, nothing blocks.</summary>
public interface IGenerationGateway
{
    IStreamCall Start(GenerationRequest request);

    IStreamCall Resume(ResumeRequest request);

    /// <summary>Ends a session wherever it runs; its blocks are free within a step. False: no such session of this owner.</summary>
    Task<bool> CancelAsync(string sessionId, string owner, CancellationToken cancellation);
}

/// <summary>One caller's place at a stream. Disposing it is leaving.</summary>
public interface IStreamCall : IDisposable
{
    /// <summary>Completes after the last event.</summary>
    ChannelReader<StreamEvent> Events { get; }

    /// <summary>The caller is gone without a word: the sequence is kept for the detach time, or to its end if it is detached.</summary>
    void Leave();

    /// <summary>The caller wants no more: the sequence ends within a step, unless another caller is there too or it is detached.</summary>
    void Cancel();
}
