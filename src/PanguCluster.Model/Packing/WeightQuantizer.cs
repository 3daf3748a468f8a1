using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PanguCluster.Model.Packing;

/// <summary>Symmetric 8-bit quantization of one output channel: s = max|w| / 127, q = rne(w / s), |q| at most 127.</summary>
/// <remarks>Division, rounding and conversion are single IEEE operations, so vector and scalar code give the same bytes.</remarks>
internal static class WeightQuantizer
{
    /// <summary>Below this a channel counts as zero (NUMERICS.md, "Quantize row").</summary>
    private const float Zero = 7.888609e-31f; // 2^-100

    /// <param name="row">[inputs] finite weights.</param>
    /// <param name="stored">[PaddedInputs] receives q + 128; missing inputs as zero.</param>
    /// <returns>The channel's scale.</returns>
    public static float Quantize(ReadOnlySpan<float> row, Span<byte> stored)
    {
        stored[row.Length..].Fill(PanelTensor.ZeroI8);
        float max = MaxMagnitude(row);
        if (max < Zero)
        {
            stored[..row.Length].Fill(PanelTensor.ZeroI8);
            return 0f;
        }
        float scale = max / 127f;
        int i = Vectors(row, stored, scale);
        for (; i < row.Length; i++)
            stored[i] = (byte)(Math.Clamp((int)MathF.Round(row[i] / scale), -127, 127) + PanelTensor.ZeroI8);
        return scale;
    }

    private static int Vectors(ReadOnlySpan<float> row, Span<byte> stored, float scale)
    {
        var scales = Vector256.Create(scale);
        int i = 0;
        for (; i + 32 <= row.Length; i += 32)
        {
            var from = row.Slice(i, 32);
            var low = Vector256.Narrow(Steps(from, scales), Steps(from[8..], scales));
            var high = Vector256.Narrow(Steps(from[16..], scales), Steps(from[24..], scales));
            Vector256.Narrow(low.AsUInt16(), high.AsUInt16()).CopyTo(stored[i..]);
        }
        return i;
    }

    private static Vector256<int> Steps(ReadOnlySpan<float> from, Vector256<float> scales)
    {
        var q = Vector256.ConvertToInt32(Vector256.Round(Vector256.Create(from[..8]) / scales));
        q = Vector256.Min(Vector256.Max(q, Vector256.Create(-127)), Vector256.Create(127));
        return q + Vector256.Create((int)PanelTensor.ZeroI8);
    }

    // Magnitudes of finite floats order as their bits without the sign.
    private static float MaxMagnitude(ReadOnlySpan<float> row)
    {
        var bits = MemoryMarshal.Cast<float, int>(row);
        var best = Vector256<int>.Zero;
        var magnitude = Vector256.Create(0x7fffffff);
        int i = 0;
        for (; i + 8 <= bits.Length; i += 8)
            best = Vector256.Max(best, Vector256.Create(bits.Slice(i, 8)) & magnitude);
        int max = 0;
        for (int lane = 0; lane < 8; lane++)
            max = Math.Max(max, best[lane]);
        for (; i < bits.Length; i++)
            max = Math.Max(max, bits[i] & 0x7fffffff);
        return BitConverter.Int32BitsToSingle(max);
    }
}
