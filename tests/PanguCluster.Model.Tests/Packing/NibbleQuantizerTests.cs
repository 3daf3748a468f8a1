using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

public sealed class NibbleQuantizerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(76)]
    [InlineData(128)]
    public void Quantizer_should_give_back_weights_that_are_steps_of_a_bf16_scale(int count)
    {
        int[] expected = [.. Enumerable.Range(0, count).Select(i => i == 0 ? 7 : (i * 5 + 3) % 15 - 7)];
        var q = new sbyte[count];
        ushort scale = NibbleQuantizer.Quantize([.. expected.Select(i => i * 0.375f)], q);
        Assert.Equal(0.375f, HalfWords.FromBf16(scale));
        Assert.Equal(expected, q.Select(v => (int)v));
    }

    /// <summary>Weights of a bell curve lose less when the largest are cut off: the search must find that, and not cut where it costs.</summary>
    [Fact]
    public void Quantizer_should_lose_less_than_the_largest_weights_scale_when_weights_have_tails()
    {
        double searched = 0, plain = 0;
        for (int seed = 0; seed < 40; seed++)
        {
            float[] w = Bell(128, seed);
            var q = new sbyte[128];
            float scale = HalfWords.FromBf16(NibbleQuantizer.Quantize(w, q));
            float largest = HalfWords.FromBf16(HalfWords.ToBf16(w.Max(MathF.Abs) / 7));
            double one = Lost(w, scale), other = Lost(w, largest);
            Assert.InRange(one, 0, other);
            Assert.Equal(one, w.Zip(q, (x, v) => Math.Pow(x - v * scale, 2)).Sum(), 1e-6);
            (searched, plain) = (searched + one, plain + other);
        }
        Assert.InRange(searched / plain, 0.5, 0.92);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1e-36f)]
    public void Quantizer_should_give_a_zero_scale_when_all_weights_are_almost_zero(float weight)
    {
        sbyte[] q = [9, 9, 9];
        Assert.Equal(0, NibbleQuantizer.Quantize([weight, -weight, 0], q));
        Assert.Equal([0, 0, 0], q);
    }

    [Theory]
    [InlineData(3e38f)]
    [InlineData(1e-29f)]
    public void Quantizer_should_stay_finite_when_squares_do_not(float weight)
    {
        var q = new sbyte[3];
        float scale = HalfWords.FromBf16(NibbleQuantizer.Quantize([weight, -weight, 0], q));
        Assert.InRange(scale * 7, weight * 0.55f, weight * 1.01f);
        Assert.Equal([7, -7, 0], q);
    }

    private static double Lost(float[] w, float scale) =>
        w.Sum(x => Math.Pow(x - Math.Clamp(MathF.Round(x * (1 / scale)), -7, 7) * scale, 2));

    // The sum of twelve uniform numbers, less six.
    private static float[] Bell(int count, int seed) =>
        [.. Enumerable.Range(0, count).Select(i => (float)(Enumerable.Range(0, 12).Sum(j => (double)Philox.Draw53((ulong)seed, i, j) / (1L << 53)) - 6))];
}
