using System.Runtime.Intrinsics;

namespace PanguCluster.Model.Packing;

/// <summary>
/// Symmetric 4-bit quantization of one output's group of inputs: q = clamp(rne(w / s), -7, 7) with the scale that loses least.
/// </summary>
/// <remarks>
/// The largest weight of a group is often an outlier: cutting it off makes all other steps finer. So scales of max|w| / 7 times some
/// ratios are tried, each as the bf16 it is stored as, and the one with the least squared error stays (the first of equals); then the
/// least-squares scale of its q, if that is better still. Every operation is a single IEEE one on 16 lanes added in a fixed order: the
/// same bytes on every machine.
/// </remarks>
internal static class NibbleQuantizer
{
    private const float Zero = 7.888609e-31f; // 2^-100 (NUMERICS.md, "Quantize row")
    private const int Wide = 16;

    private static readonly float[] _ratios = [1f, 0.96f, 0.92f, 0.88f, 0.84f, 0.8f, 0.76f, 0.72f, 0.68f, 0.64f, 0.6f];

    /// <param name="weights">At most 128, finite.</param>
    /// <param name="q">[weights.Length] receives -7..7.</param>
    /// <returns>The scale, bf16.</returns>
    public static ushort Quantize(ReadOnlySpan<float> weights, Span<sbyte> q)
    {
        // Whole vectors: zeros behind the weights quantize to zero and lose nothing.
        Span<float> w = stackalloc float[PanelTensor.GroupInputs];
        w.Clear();
        weights.CopyTo(w);
        float max = 0;
        foreach (float x in weights)
            max = MathF.Max(max, MathF.Abs(x));
        if (max < Zero)
        {
            q[..weights.Length].Clear();
            return 0;
        }
        ushort best = Best(w, max);
        float inverse = 1f / HalfWords.FromBf16(best);
        for (int i = 0; i < weights.Length; i++)
            q[i] = (sbyte)Math.Clamp(MathF.Round(w[i] * inverse), -7f, 7f);
        return best;
    }

    private static ushort Best(ReadOnlySpan<float> w, float max)
    {
        ushort best = 0;
        float least = float.PositiveInfinity;
        foreach (float ratio in _ratios)
        {
            ushort scale = HalfWords.ToBf16(max * ratio / 7f);
            float error = Error(w, scale);
            if (best != 0 && !(error < least))
                continue;
            (best, least) = (scale, error);
        }
        ushort fitted = Fitted(w, best);
        return Error(w, fitted) < least ? fitted : best;
    }

    /// <summary>Squared error of quantizing with one scale.</summary>
    private static float Error(ReadOnlySpan<float> w, ushort scale)
    {
        float s = HalfWords.FromBf16(scale);
        var step = Vector512.Create(s);
        var inverse = Vector512.Create(1f / s);
        var sum = Vector512<float>.Zero;
        for (int i = 0; i < w.Length; i += Wide)
        {
            var x = Vector512.Create(w[i..]);
            var lost = x - Steps(x, inverse) * step;
            sum += lost * lost;
        }
        return Total(sum);
    }

    /// <summary>The scale that fits the q of another scale best: sum(w q) / sum(q q).</summary>
    private static ushort Fitted(ReadOnlySpan<float> w, ushort scale)
    {
        var inverse = Vector512.Create(1f / HalfWords.FromBf16(scale));
        var (products, squares) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (int i = 0; i < w.Length; i += Wide)
        {
            var x = Vector512.Create(w[i..]);
            var q = Steps(x, inverse);
            products += x * q;
            squares += q * q;
        }
        ushort fitted = HalfWords.ToBf16(Total(products) / Total(squares));
        return float.IsNormal(HalfWords.FromBf16(fitted)) ? fitted : scale;
    }

    private static Vector512<float> Steps(Vector512<float> x, Vector512<float> inverse) =>
        Vector512.Min(Vector512.Max(Vector512.Round(x * inverse), Vector512.Create(-7f)), Vector512.Create(7f));

    private static float Total(Vector512<float> lanes)
    {
        float total = 0;
        for (int lane = 0; lane < Wide; lane++)
            total += lanes[lane];
        return total;
    }
}
