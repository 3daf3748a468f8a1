namespace PanguCluster.Model.Sampling;

/// <summary>Repetition, presence and frequency penalties of NUMERICS.md, on a copy of one row of logits.</summary>
internal sealed class Penalties(int vocabSize)
{
    /// <summary>[V] all zero between calls.</summary>
    private readonly int[] _count = new int[vocabSize];

    public static bool Any(SamplingParameters p) => p.RepetitionPenalty != 1f || p.PresencePenalty != 0f || p.FrequencyPenalty != 0f;

    /// <param name="logits">[V], changed in place.</param>
    /// <param name="tokens">Prompt, then answer.</param>
    /// <param name="promptLength">How many of the tokens are the prompt.</param>
    /// <param name="p">The penalties.</param>
    public void Apply(Span<float> logits, ReadOnlySpan<int> tokens, int promptLength, SamplingParameters p)
    {
        if (p.RepetitionPenalty != 1f)
        {
            foreach (int token in tokens)
                if (_count[token]++ == 0)
                    logits[token] = Finite(logits[token] > 0 ? logits[token] / p.RepetitionPenalty : logits[token] * p.RepetitionPenalty);
            Clear(tokens);
        }
        if (p.PresencePenalty == 0f && p.FrequencyPenalty == 0f)
            return;

        var answer = tokens[promptLength..];
        foreach (int token in answer)
            _count[token]++;
        foreach (int token in answer)
        {
            if (_count[token] == 0)
                continue;
            logits[token] = Finite(logits[token] - p.FrequencyPenalty * _count[token] - p.PresencePenalty);
            _count[token] = 0;
        }
    }

    /// <summary>An overflow stays an ordinary, very large number: candidates remain ordered and their differences are no NaN.</summary>
    public static float Finite(float logit) => Math.Clamp(logit, float.MinValue, float.MaxValue);

    private void Clear(ReadOnlySpan<int> tokens)
    {
        foreach (int token in tokens)
            _count[token] = 0;
    }
}
