using FsCheck.Xunit;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Model.Tests.Sampling;

public sealed class LogarithmTests
{
    [Property(MaxTest = 2000)]
    public void Logarithm_should_be_within_an_ulp_of_the_library_when_positive(double any)
    {
        double x = Math.Abs(any);
        if (!double.IsNormal(x))
            return;
        double expected = Math.Log(x);
        double ulp = Math.BitIncrement(Math.Abs(expected)) - Math.Abs(expected);
        Assert.Equal(expected, Logarithm.Of(x), 2 * ulp);
    }

    [Fact]
    public void Logarithm_should_be_exact_at_one_and_defined_outside_its_domain()
    {
        Assert.Equal(0.0, Logarithm.Of(1.0));
        Assert.Equal(double.NegativeInfinity, Logarithm.Of(0.0));
        Assert.True(double.IsNaN(Logarithm.Of(-1.0)));
        Assert.True(double.IsNaN(Logarithm.Of(double.NaN)));
    }

    [Fact]
    public void LogProbability_should_sum_to_one_over_the_vocabulary()
    {
        float[] logits = [.. Enumerable.Range(0, 300).Select(i => (float)(Philox.Draw53(9, i, 0) % 2000) / 100f - 10f)];
        double sum = Enumerable.Range(0, logits.Length).Sum(t => Math.Exp(LogProbability.Of(logits, t)));
        Assert.Equal(1.0, sum, 1e-6);
        logits[17] = float.NaN;
        Assert.True(double.IsNaN(LogProbability.Of(logits, 3)));
    }
}
