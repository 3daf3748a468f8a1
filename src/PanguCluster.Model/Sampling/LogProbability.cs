using PanguCluster.Model.Kernels.Managed.Operations;

namespace PanguCluster.Model.Sampling;

/// <summary>Log-softmax of one row of logits in the arithmetic of NUMERICS.md: probabilities in f32, their sum in double in id order.</summary>
public static class LogProbability
{
    /// <summary>Natural log of the sum of exp(logit - maximum).</summary>
    public static double LogSum(ReadOnlySpan<float> logits, float maximum)
    {
        double sum = 0;
        foreach (float l in logits)
            sum += Exponential.Of(l - maximum);
        return Logarithm.Of(sum);
    }

    /// <summary>Natural log of the probability of one token; NaN if a logit is.</summary>
    /// <param name="logits">[V].</param>
    /// <param name="token">Its id.</param>
    public static double Of(ReadOnlySpan<float> logits, int token)
    {
        float maximum = logits[0];
        foreach (float l in logits)
            if (l > maximum || float.IsNaN(l))
                maximum = l;
        return (double)logits[token] - maximum - LogSum(logits, maximum);
    }
}
