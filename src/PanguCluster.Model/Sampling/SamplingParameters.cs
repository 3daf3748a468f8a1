namespace PanguCluster.Model.Sampling;

/// <summary>How a token is drawn from logits. Validated before it gets here; see numerics rule 10 for the order of application.</summary>
public sealed record SamplingParameters
{
    /// <summary>0 is greedy: the highest logit, ties to the lower id.</summary>
    public float Temperature { get; init; } = 1f;

    /// <summary>0 is off.</summary>
    public int TopK { get; init; }

    public float TopP { get; init; } = 1f;
    public float MinP { get; init; }

    /// <summary>Over prompt and generated tokens; 1 is off (Keskar et al., CTRL, arXiv 1909.05858).</summary>
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>Over generated tokens, once per distinct token.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Over generated tokens, per occurrence.</summary>
    public float FrequencyPenalty { get; init; }

    public ulong Seed { get; init; }

    /// <summary>How many alternatives to report beside the chosen token; negative: no log probabilities at all; 0: the chosen one's only.</summary>
    public int Logprobs { get; init; } = -1;
}

public readonly record struct TokenLogprob(int TokenId, float Logprob);

/// <summary>One drawn token.</summary>
/// <param name="Index">0-based position in the generated part.</param>
/// <param name="Logprob">Natural log of the probability under the untempered, unpenalised distribution; NaN when not asked for.</param>
/// <param name="Top">The highest-probability alternatives, or null.</param>
public readonly record struct SampledToken(int Index, int TokenId, float Logprob, TokenLogprob[]? Top);

/// <summary>One token of a given text, scored by the model.</summary>
/// <param name="Index">0-based position in the text.</param>
/// <param name="Logprob">Natural log of its probability after the tokens before it, untempered and unpenalised; NaN for the first token.</param>
/// <param name="Top">The highest-probability tokens at this position, or null: none asked for, or the first token.</param>
public readonly record struct ScoredToken(int Index, int TokenId, float Logprob, TokenLogprob[]? Top);
