using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Sessions;

/// <summary>What is on disk before the first event leaves: with the weights, all that every token of the session depends on.</summary>
/// <param name="Prompt">Prompt ids, at least one.</param>
/// <param name="Sampling">With the seed in use, the caller's or the one that was picked.</param>
/// <param name="SeedPicked">The caller gave no seed: the same request again has another one, and is the same request.</param>
/// <param name="StopTokenIds">The caller's; the model's own end tokens are a part of the model.</param>
/// <param name="Owner">As in <see cref="GenerationRequest.Owner"/>.</param>
/// <param name="ModelDigest">Digest of the packed model it is computed with.</param>
public sealed record SessionRecord(
    int[] Prompt, int MaxTokens, SamplingParameters Sampling, bool SeedPicked, string[] StopStrings, int[] StopTokenIds, int Choices,
    bool Echo, bool Detached, string Owner, string ModelDigest, int NumericsVersion, DateTimeOffset AcceptedAt)
{
    public const int MaxChoices = 16;

    public static SessionRecord Of(GenerationRequest request, string modelDigest, int numericsVersion, DateTimeOffset acceptedAt) => new(
        request.Prompt, request.MaxTokens, request.Sampling, request.SeedPicked, [.. request.StopStrings], [.. request.StopTokenIds],
        request.Choices, request.Echo, request.Detached, request.Owner, modelDigest, numericsVersion, acceptedAt);

    /// <summary>Whether both ask for the same answer: the idempotency rule. When they were accepted, and seeds that nobody chose, do not count.</summary>
    public bool Asks(SessionRecord other) =>
        Prompt.AsSpan().SequenceEqual(other.Prompt) && MaxTokens == other.MaxTokens && SameSampling(other)
        && StopStrings.AsSpan().SequenceEqual(other.StopStrings) && StopTokenIds.AsSpan().SequenceEqual(other.StopTokenIds)
        && Choices == other.Choices && Echo == other.Echo && Detached == other.Detached && Owner == other.Owner
        && ModelDigest == other.ModelDigest && NumericsVersion == other.NumericsVersion;

    private bool SameSampling(SessionRecord other) =>
        SeedPicked == other.SeedPicked && Sampling == (SeedPicked ? other.Sampling with { Seed = Sampling.Seed } : other.Sampling);
}

/// <summary>A token of the answer as it is kept.</summary>
/// <param name="Logprob">NaN where none are asked for.</param>
/// <param name="Top">Most likely tokens at this position, or null.</param>
public readonly record struct RecordedToken(int TokenId, float Logprob, TokenLogprob[]? Top);

/// <summary>How a choice ended.</summary>
/// <param name="Failure">Set with <see cref="FinishReason.Error"/> only.</param>
/// <param name="Detail">Why it failed; empty otherwise.</param>
public sealed record RecordedEnd(FinishReason Reason, FailureKind? Failure = null, string Detail = "");

/// <summary>What is known of one choice.</summary>
/// <param name="Tokens">From index 0 on: all that are recorded, or as many as fit a message. What is missing can be computed again.</param>
/// <param name="Count">How many are recorded.</param>
/// <param name="End">Null: not ended. Otherwise the choice has exactly <paramref name="Count"/> tokens.</param>
public sealed record RecordedChoice(IReadOnlyList<RecordedToken> Tokens, int Count, RecordedEnd? End);
