using System.Security.Cryptography;
using Pangu.V1;

namespace PanguCluster.Client;

/// <summary>How to answer. What is left out has the server's default; limits are told in <c>generation.proto</c>.</summary>
public sealed record GenerateOptions
{
    /// <summary>Most tokens of an answer; null: as many as the server allows.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>0 is greedy: always the most likely token. Null: 1.</summary>
    public float? Temperature { get; init; }

    /// <summary>Keep the k most likely tokens; null or 0: all.</summary>
    public int? TopK { get; init; }

    /// <summary>Keep the fewest most likely tokens whose probabilities reach this; null or 1: all.</summary>
    public float? TopP { get; init; }

    /// <summary>Keep tokens at least this times as likely as the most likely one; null or 0: all.</summary>
    public float? MinP { get; init; }

    /// <summary>Weakens tokens that occur in prompt or answer; null or 1: off.</summary>
    public float? RepetitionPenalty { get; init; }

    /// <summary>Weakens tokens that occur in the answer, once; null or 0: off.</summary>
    public float? PresencePenalty { get; init; }

    /// <summary>Weakens tokens that occur in the answer, per occurrence; null or 0: off.</summary>
    public float? FrequencyPenalty { get; init; }

    /// <summary>The same request with the same seed gives the same tokens on any cluster with this model. Null: the client draws one.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Texts that end the answer, which is cut before them.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Token ids that end the answer beside the model's own.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>Most likely tokens to report at every position; 0: only the probability of the chosen ones; null: none.</summary>
    public int? Logprobs { get; init; }

    /// <summary>Answers to one prompt.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>Whether the prompt's tokens come back before the answer.</summary>
    public bool Echo { get; init; }

    /// <summary>Name and idempotency key of the request: the same request under it again joins the same answer. Null: the client makes one.</summary>
    public string? SessionId { get; init; }

    /// <summary>Whether the answer goes on to its end when the caller leaves, for whoever resumes it.</summary>
    public bool Detached { get; init; }

    /// <summary>Time for the whole answer, attempts and pauses included; the server knows it too. Null: none.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The request on the wire.</summary>
    public GenerateRequest ToRequest(PromptInput prompt)
    {
        var sampling = new Sampling();
        if (Temperature is { } temperature)
            sampling.Temperature = temperature;
        if (TopK is { } topK)
            sampling.TopK = topK;
        if (TopP is { } topP)
            sampling.TopP = topP;
        if (MinP is { } minP)
            sampling.MinP = minP;
        if (RepetitionPenalty is { } repetition)
            sampling.RepetitionPenalty = repetition;
        if (PresencePenalty is { } presence)
            sampling.PresencePenalty = presence;
        if (FrequencyPenalty is { } frequency)
            sampling.FrequencyPenalty = frequency;
        if (Seed is { } seed)
            sampling.Seed = seed;
        var request = new GenerateRequest
        {
            Sampling = sampling, Stop = { Stop }, StopTokenIds = { StopTokenIds }, N = Choices, Echo = Echo, SessionId = SessionId ?? "", Detached = Detached,
        };
        if (MaxTokens is { } most)
            request.MaxTokens = most;
        if (Logprobs is { } logprobs)
            request.Logprobs = logprobs;
        prompt.WriteTo(request);
        return request;
    }

    /// <summary>
    /// A copy that names its session and its seed: so it can be sent again, to any server, without a second answer, and an answer that
    /// every server has forgotten can be computed again.
    /// </summary>
    internal static GenerateRequest Named(GenerateRequest request)
    {
        var named = request.Clone();
        if (named.SessionId.Length == 0)
            named.SessionId = Guid.NewGuid().ToString("N");
        named.Sampling ??= new Sampling();
        if (!named.Sampling.HasSeed)
            named.Sampling.Seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        return named;
    }
}
