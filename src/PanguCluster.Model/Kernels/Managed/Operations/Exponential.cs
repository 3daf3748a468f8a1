using System.Runtime.Intrinsics;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>exp and SiLU of NUMERICS.md: Cephes expf (Moshier) in f32 operations, the same bits one at a time and 16 at a time.</summary>
public static class Exponential
{
    private const float Lowest = -87f;
    private const float Highest = 88f;
    private const float Log2E = 1.44269504f;
    private const float Ln2High = -0.693359375f;
    private const float Ln2Low = 2.12194440e-4f;

    /// <summary>e^x; +0 below -87, e^88 above 88, an unspecified value for NaN.</summary>
    public static float Of(float x)
    {
        if (x < Lowest)
            return 0f;
        if (x > Highest)
            x = Highest;
        float n = MathF.Round(x * Log2E, MidpointRounding.ToEven);
        float r = MathF.FusedMultiplyAdd(n, Ln2High, x);
        r = MathF.FusedMultiplyAdd(n, Ln2Low, r);
        float p = 1.9875691500e-4f;
        p = MathF.FusedMultiplyAdd(p, r, 1.3981999507e-3f);
        p = MathF.FusedMultiplyAdd(p, r, 8.3334519073e-3f);
        p = MathF.FusedMultiplyAdd(p, r, 4.1665795894e-2f);
        p = MathF.FusedMultiplyAdd(p, r, 1.6666665459e-1f);
        p = MathF.FusedMultiplyAdd(p, r, 5.0000001201e-1f);
        float y = MathF.FusedMultiplyAdd(p, r * r, r) + 1.0f;
        return BitConverter.Int32BitsToSingle(unchecked(BitConverter.SingleToInt32Bits(y) + ((int)n << 23)));
    }

    /// <summary>e^x in every lane.</summary>
    public static Vector512<float> Of(Vector512<float> x)
    {
        var underflow = Vector512.LessThan(x, Vector512.Create(Lowest));
        x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512.Create(Highest)), Vector512.Create(Highest), x);
        x = Vector512.ConditionalSelect(underflow, Vector512<float>.Zero, x);
        var n = Vector512.Round(x * Vector512.Create(Log2E), MidpointRounding.ToEven);
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2High), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2Low), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        var y = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        var scaled = (y.AsInt32() + Vector512.ShiftLeft(Vector512.ConvertToInt32(n), 23)).AsSingle();
        return Vector512.ConditionalSelect(underflow, Vector512<float>.Zero, scaled);
    }

    /// <summary>x * sigmoid(x).</summary>
    public static float Silu(float x) => x / (1.0f + Of(-x));
}
