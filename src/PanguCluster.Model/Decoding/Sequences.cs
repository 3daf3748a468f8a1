using PanguCluster.Model.Sampling;

namespace PanguCluster.Model.Decoding;

/// <summary>Names one running choice of one stream inside a decoder. Chosen by the stream, unique in the cluster.</summary>
public readonly record struct SequenceId(Guid Value)
{
    public override string ToString() => Value.ToString("N");
}

/// <summary>
/// All a decoder needs to produce the tokens of one choice from any point on: a token is a pure function of this and its index.
/// </summary>
/// <param name="Prompt">Prompt ids, at least one.</param>
/// <param name="Generated">Tokens already produced (by this or another decoder); empty for a fresh request.</param>
/// <param name="Choice">0-based choice: with the token index, the counter of the random number (numerics rule 10).</param>
/// <param name="MaxTokens">Most tokens in the generated part, those of <paramref name="Generated"/> counted.</param>
/// <param name="StopTokenIds">Ids that end the sequence, the model's own end tokens included; a stop token is not emitted.</param>
public sealed record SequenceRequest(
    SequenceId Id, int[] Prompt, int[] Generated, int Choice, int MaxTokens, int[] StopTokenIds, SamplingParameters Sampling)
{
    /// <summary>
    /// How many alternatives to report for every token of the prompt beside the token's own log probability; 0: that alone; negative: nothing
    /// about the prompt. Anything else costs a row of logits for every prompt token, and no cached prefix is used where they are wanted.
    /// </summary>
    public int PromptLogprobs { get; init; } = -1;
}

public enum FinishReason
{
    Stop,
    Length,
    Cancelled,
    Error,
}

public enum SubmitOutcome
{
    Accepted,

    /// <summary>The waiting queue is full: retry later or elsewhere.</summary>
    QueueFull,

    /// <summary>Prompt and max tokens cannot fit the KV cache or the context limit even alone.</summary>
    TooLong,

    /// <summary>A sequence with this id is running already.</summary>
    Duplicate,

    /// <summary>
    /// The request breaks a rule its sender has to check: an empty prompt, a token id outside the vocabulary, a negative choice, or
    /// nothing left to generate (<see cref="SequenceRequest.Generated"/> has <see cref="SequenceRequest.MaxTokens"/> tokens already).
    /// </summary>
    Invalid,
}

/// <summary>A decoder's load, for choosing the least loaded one.</summary>
/// <param name="FreeBlocks">KV blocks that no sequence holds: empty ones and cached ones.</param>
/// <param name="CachedBlocks">Those of the free blocks that hold a prefix for whoever has the same one; the least recently used go first.</param>
/// <param name="PrefixQueries">Positions of admitted sequences that could have been in the cache, since the decoder started.</param>
/// <param name="PrefixHits">Those of them that were.</param>
public readonly record struct DecoderLoad(
    int Running, int Waiting, int FreeBlocks, int TotalBlocks, long TokensGenerated, long Steps, long Preemptions,
    int CachedBlocks = 0, long PrefixQueries = 0, long PrefixHits = 0);

/// <summary>Where a step's results go. Called from <see cref="DecodeEngine.EndStep"/> in row order.</summary>
public interface ITokenSink
{
    void OnToken(SequenceId id, in SampledToken token);

    /// <summary>
    /// The next piece of a prompt, for a sequence with <see cref="SequenceRequest.PromptLogprobs"/> of 0 or more: every prompt token once, in
    /// order, the last of them before the first OnToken.
    /// </summary>
    /// <param name="tokens">Belongs to the receiver.</param>
    void OnPrompt(SequenceId id, ScoredToken[] tokens)
    {
    }

    /// <param name="detail">Null, or for <see cref="FinishReason.Error"/> what went wrong.</param>
    void OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail);
}

/// <summary>Limits of one decoder; defaults run on any machine.</summary>
/// <param name="MaxRows">Most token rows of one step: decode rows first, the rest goes to prefill chunks.</param>
/// <param name="MaxSequences">Most sequences running at once.</param>
/// <param name="MaxWaiting">Bound of the waiting queue.</param>
/// <param name="KvBlocks">Blocks of 64 positions.</param>
/// <param name="MaxPositions">Longest sequence, prompt and answer together.</param>
/// <param name="PrefixCache">Whether sequences share the KV blocks of equal prefixes. No output shows it.</param>
public sealed record DecoderOptions(
    int MaxRows = 256, int MaxSequences = 64, int MaxWaiting = 256, int KvBlocks = 256, int MaxPositions = 2048, bool PrefixCache = true)
{
    /// <summary>
    /// Most prefill rows of a step in which others decode, who wait for its end with their next token (chunked prefill, Sarathi-Serve, OSDI 2024). 64 beside 16
    /// decoding rows take about as long as these alone twice; fewer waste the read of the weights.
    /// </summary>
    public int PrefillRows { get; init; } = 64;
}
