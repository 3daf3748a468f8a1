using System.Runtime.Intrinsics;
using FsCheck.Xunit;
using PanguCluster.Model.Kernels.Managed.Operations;
using Xunit;

namespace PanguCluster.Model.Tests.Kernels;

public sealed class ExponentialTests
{
    /// <summary>Every 4001st float: signs, denormals, huge numbers and infinities are among them.</summary>
    public static IEnumerable<float> Sweep()
    {
        for (long bits = 0; bits <= uint.MaxValue; bits += 4001)
            yield return BitConverter.UInt32BitsToSingle((uint)bits);
        foreach (float edge in (float[])[-87f, MathF.BitDecrement(-87f), 88f, MathF.BitIncrement(88f), -0f, float.NegativeInfinity, float.PositiveInfinity])
            yield return edge;
    }

    [Fact]
    public void Exponential_should_be_near_the_true_value_over_its_range()
    {
        foreach (float x in Sweep())
        {
            if (float.IsNaN(x))
                continue;
            double expected = x < -87f ? 0 : Math.Exp(Math.Min(x, 88f));
            Assert.True(Math.Abs(Exponential.Of(x) - expected) <= expected * 1.3e-7, $"exp({x:G9}) = {Exponential.Of(x):G9}, not {expected:G9}");
        }
    }

    [Fact]
    public void Vector_should_have_the_bits_of_the_scalar()
    {
        foreach (float[] chunk in Sweep().Where(x => !float.IsNaN(x)).Chunk(16).Where(c => c.Length == 16))
        {
            var lanes = Exponential.Of(Vector512.Create(chunk));
            for (int i = 0; i < 16; i++)
                Assert.Equal(BitConverter.SingleToInt32Bits(Exponential.Of(chunk[i])), BitConverter.SingleToInt32Bits(lanes[i]));
        }
    }

    /// <summary>The two results that need no arithmetic.</summary>
    [Theory]
    [InlineData(0f, 0x3F800000)]
    [InlineData(-87.5f, 0)]
    public void Exponential_should_be_exact_where_the_page_says_so(float x, int bits) =>
        Assert.Equal(bits, BitConverter.SingleToInt32Bits(Exponential.Of(x)));

    [Property]
    public void Silu_should_be_near_the_true_value(int hundredths)
    {
        float x = hundredths % 5000 / 100f;
        double expected = x / (1 + Math.Exp(-x));
        Assert.Equal(expected, Exponential.Silu(x), Math.Abs(expected) * 4e-7 + 1e-37);
    }
}
