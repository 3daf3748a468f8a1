using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>reduce16 of NUMERICS.md: 16 partial sums, partial j takes elements j, j+16, ..., then one fixed tree.</summary>
internal static class Reduction
{
    private const int Partials = 16;

    /// <summary>Sum of a[i] * b[i], each added by a fused multiply-add.</summary>
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ref float ra = ref MemoryMarshal.GetReference(a);
        ref float rb = ref MemoryMarshal.GetReference(b[..a.Length]);
        var partial = Vector512<float>.Zero;
        int i = 0;
        for (; i <= a.Length - Partials; i += Partials)
            partial = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref ra, (nuint)i), Vector512.LoadUnsafe(ref rb, (nuint)i), partial);
        if (i < a.Length)
        {
            Span<float> p = stackalloc float[Partials];
            partial.CopyTo(p);
            for (int j = 0; i < a.Length; i++, j++)
                p[j] = MathF.FusedMultiplyAdd(a[i], b[i], p[j]);
            partial = Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(p));
        }
        return Tree(partial);
    }

    /// <summary>Plain sum.</summary>
    public static float Sum(ReadOnlySpan<float> a)
    {
        Span<float> p = stackalloc float[Partials];
        p.Clear();
        for (int i = 0; i < a.Length; i++)
            p[i % Partials] += a[i];
        return Tree(Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(p)));
    }

    /// <summary>8 + 8, 4 + 4, 2 + 2, 1 + 1.</summary>
    private static float Tree(Vector512<float> partial)
    {
        var eight = partial.GetLower() + partial.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        return four[0] + four[2] + (four[1] + four[3]);
    }
}
