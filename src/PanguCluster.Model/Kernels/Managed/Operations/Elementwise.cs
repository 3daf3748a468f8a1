using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>Operations whose elements have nothing to do with each other: vector width cannot change a bit.</summary>
internal static class Elementwise
{
    private const int Wide = 16;

    /// <summary>y[i] = fma(a, x[i], y[i]).</summary>
    public static void MultiplyAdd(float a, ReadOnlySpan<float> x, Span<float> y)
    {
        ref float rx = ref MemoryMarshal.GetReference(x[..y.Length]);
        ref float ry = ref MemoryMarshal.GetReference(y);
        var va = Vector512.Create(a);
        int i = 0;
        for (; i <= y.Length - Wide; i += Wide)
            Vector512.FusedMultiplyAdd(va, Vector512.LoadUnsafe(ref rx, (nuint)i), Vector512.LoadUnsafe(ref ry, (nuint)i)).StoreUnsafe(ref ry, (nuint)i);
        for (; i < y.Length; i++)
            y[i] = MathF.FusedMultiplyAdd(a, x[i], y[i]);
    }

    /// <summary>y[i] = y[i] + x[i].</summary>
    public static void Add(ReadOnlySpan<float> x, Span<float> y)
    {
        for (int i = 0; i < y.Length; i++)
            y[i] += x[i];
    }
}
