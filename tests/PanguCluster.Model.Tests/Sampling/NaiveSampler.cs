using System.Numerics;
using PanguCluster.Model.Kernels.Managed.Operations;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Model.Tests.Sampling;

/// <summary>The sampling section of NUMERICS.md word by word: sorts the whole vocabulary, keeps lists, uses big integers.</summary>
internal static class NaiveSampler
{
    public static int Sample(float[] logits, int[] prompt, int[] answer, int choice, SamplingParameters p)
    {
        float[] l = Penalise(logits, prompt, answer, p);
        if (p.Temperature == 0)
            return Enumerable.Range(0, l.Length).OrderByDescending(id => l[id]).ThenBy(id => id).First();
        float[] scaled = [.. l.Select(x => Math.Clamp(x / p.Temperature, float.MinValue, float.MaxValue))];
        var candidates = Enumerable.Range(0, l.Length).OrderByDescending(id => scaled[id]).ThenBy(id => id).ToList();
        if (p.TopK > 0)
            candidates = [.. candidates.Take(p.TopK)];
        float first = scaled[candidates[0]];
        float Probability(int id) => Exponential.Of(scaled[id] - first);
        BigInteger Weight(int id) => (BigInteger)Math.Floor(Probability(id) * Math.Pow(2, 40));

        candidates = TopP(candidates, Weight, p.TopP);
        candidates = [.. candidates.Where((id, rank) => rank == 0 || Probability(id) >= p.MinP)];
        var kept = candidates.Aggregate(BigInteger.Zero, (sum, id) => sum + Weight(id));
        var target = new BigInteger(Philox.Draw53(p.Seed, answer.Length, choice)) * kept / BigInteger.Pow(2, 53);
        var running = BigInteger.Zero;
        return candidates.First(id => (running += Weight(id)) > target);
    }

    private static List<int> TopP(List<int> candidates, Func<int, BigInteger> weight, float topP)
    {
        var total = candidates.Aggregate(BigInteger.Zero, (sum, id) => sum + weight(id));
        if (topP >= 1)
            return candidates;
        var needed = BigInteger.Min(total, (BigInteger)Math.Ceiling(topP * (double)total));
        var sum = BigInteger.Zero;
        int count = 0;
        do
            sum += weight(candidates[count++]);
        while (sum < needed);
        return candidates[..count];
    }

    private static float[] Penalise(float[] logits, int[] prompt, int[] answer, SamplingParameters p)
    {
        float[] l = [.. logits];
        foreach (int token in prompt.Concat(answer).Distinct())
            l[token] = l[token] > 0 ? l[token] / p.RepetitionPenalty : l[token] * p.RepetitionPenalty;
        foreach (var group in answer.GroupBy(t => t))
            l[group.Key] = l[group.Key] - p.FrequencyPenalty * group.Count() - p.PresencePenalty;
        return l;
    }
}
