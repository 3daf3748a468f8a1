using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PanguCluster.Model.Kernels.Managed.Operations;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Sampling;

/// <summary>
/// Logits in, one token out: penalties, temperature, top-k, top-p, min-p and the seeded draw, in the order and arithmetic of NUMERICS.md.
/// The result is a function of the arguments alone; the object is only workspace. Allocates nothing unless alternatives are asked for.
/// </summary>
/// <remarks>
/// Probabilities are summed as whole numbers (2^40 is the first candidate's), so sums do not depend on their order and the vocabulary
/// need not be sorted to know its total.
/// </remarks>
public sealed class Sampler
{
    /// <summary>Sums of weights stay below 2^63.</summary>
    public const int MaxVocabSize = ShapeLimits.MaxVocabulary;

    private const float WeightOne = 1L << 40;

    private readonly float[] _work;
    private readonly Penalties _penalties;
    private readonly CandidateList _candidates;

    public Sampler(int vocabSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(vocabSize, MaxVocabSize);
        _work = new float[vocabSize];
        _penalties = new Penalties(vocabSize);
        _candidates = new CandidateList(vocabSize);
    }

    /// <summary>Whether every logit is a number; a row that is not cannot be sampled from.</summary>
    public static bool IsFinite(ReadOnlySpan<float> logits)
    {
        foreach (float l in logits)
            if (!float.IsFinite(l))
                return false;
        return true;
    }

    /// <param name="logits">[V], all finite.</param>
    /// <param name="tokens">Prompt, then the answer so far: the token to draw has index tokens.Length - promptLength.</param>
    /// <param name="promptLength">How many of the tokens are the prompt.</param>
    /// <param name="choice">0-based choice: part of the random number's counter.</param>
    /// <param name="parameters">Valid sampling parameters.</param>
    public SampledToken Sample(ReadOnlySpan<float> logits, ReadOnlySpan<int> tokens, int promptLength, int choice, SamplingParameters parameters)
    {
        if (logits.Length != _work.Length)
            throw new ArgumentException($"{logits.Length} logits for a vocabulary of {_work.Length}", nameof(logits));
        int index = tokens.Length - promptLength;
        ReadOnlySpan<float> penalised = logits;
        if (Penalties.Any(parameters))
        {
            logits.CopyTo(_work);
            _penalties.Apply(_work, tokens, promptLength, parameters);
            penalised = _work;
        }

        int token = parameters.Temperature == 0f
            ? Highest(penalised)
            : Draw(penalised, parameters, Philox.Draw53(parameters.Seed, index, choice));
        if (parameters.Logprobs < 0)
            return new SampledToken(index, token, float.NaN, null);
        var scored = Score(logits, index, token, parameters.Logprobs);
        return new SampledToken(index, token, scored.Logprob, scored.Top);
    }

    /// <summary>Log probabilities of the model itself, before penalties and temperature.</summary>
    /// <param name="logits">[V], all finite.</param>
    /// <param name="index">Passed on.</param>
    /// <param name="token">Whose log probability is wanted.</param>
    /// <param name="alternatives">How many of the most likely tokens are wanted beside it.</param>
    public ScoredToken Score(ReadOnlySpan<float> logits, int index, int token, int alternatives)
    {
        _candidates.Begin(logits);
        double logSum = LogProbability.LogSum(logits, _candidates.Maximum);
        float Logprob(float logit) => (float)((double)logit - _candidates.Maximum - logSum);

        TokenLogprob[]? top = null;
        if (alternatives > 0)
        {
            top = new TokenLogprob[Math.Min(alternatives, logits.Length)];
            for (int rank = 0; rank < top.Length; rank++)
            {
                int id = _candidates.At(rank, logits);
                top[rank] = new TokenLogprob(id, Logprob(logits[id]));
            }
        }
        return new ScoredToken(index, token, Logprob(logits[token]), top);
    }

    private static int Highest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int id = 1; id < logits.Length; id++)
            if (logits[id] > logits[best])
                best = id;
        return best;
    }

    private int Draw(ReadOnlySpan<float> penalised, SamplingParameters p, ulong draw53)
    {
        var logits = penalised;
        if (p.Temperature != 1f)
        {
            for (int id = 0; id < penalised.Length; id++)
                _work[id] = Penalties.Finite(penalised[id] / p.Temperature);
            logits = _work;
        }
        _candidates.Begin(logits);

        int limit = p.TopK > 0 ? Math.Min(p.TopK, logits.Length) : logits.Length;
        long total = limit == logits.Length ? WeightOfAll(logits) : WeightOfFirst(limit, logits);
        long needed = p.TopP >= 1f ? total : Math.Min(total, (long)Math.Ceiling((double)p.TopP * total));
        long kept = needed == total && p.MinP <= 0f ? total : WeightOfKept(limit, needed, p.MinP, logits);
        long target = (long)(((UInt128)draw53 * (ulong)kept) >> 53);

        // target < kept <= the weight of the candidates below the limit, so the walk ends inside them.
        long running = 0;
        for (int rank = 0; ; rank++)
        {
            int id = _candidates.At(rank, logits);
            running += Weight(Probability(logits[id]));
            if (running > target)
                return id;
        }
    }

    /// <summary>Relative to the first candidate's, which is 1.</summary>
    private float Probability(float logit) => Exponential.Of(logit - _candidates.Maximum);

    /// <summary>floor(p * 2^40): exact for p of at least 2^-17.</summary>
    private static long Weight(float probability) => (long)(probability * WeightOne);

    private long WeightOfFirst(int limit, ReadOnlySpan<float> logits)
    {
        long sum = 0;
        for (int rank = 0; rank < limit; rank++)
            sum += Weight(Probability(logits[_candidates.At(rank, logits)]));
        return sum;
    }

    private long WeightOfAll(ReadOnlySpan<float> logits)
    {
        Span<float> lanes = stackalloc float[Vector512<float>.Count];
        var max = Vector512.Create(_candidates.Maximum);
        long sum = 0;
        int id = 0;
        for (; id <= logits.Length - lanes.Length; id += lanes.Length)
        {
            Exponential.Of(Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(logits), (nuint)id) - max).CopyTo(lanes);
            foreach (float p in lanes)
                sum += Weight(p);
        }
        for (; id < logits.Length; id++)
            sum += Weight(Probability(logits[id]));
        return sum;
    }

    /// <summary>Weight of the shortest prefix that reaches <paramref name="needed"/>, cut before the first candidate below min-p.</summary>
    private long WeightOfKept(int limit, long needed, float minP, ReadOnlySpan<float> logits)
    {
        long sum = 0;
        for (int rank = 0; rank < limit; rank++)
        {
            float p = Probability(logits[_candidates.At(rank, logits)]);
            if (p < minP)
                break;
            sum += Weight(p);
            if (sum >= needed)
                break;
        }
        return sum;
    }
}
