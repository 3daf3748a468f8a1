using System.Numerics;

namespace PanguCluster.Model.Packing;

/// <summary>Finds NaN and infinities: in every binary float type they are the values whose exponent bits are all ones.</summary>
internal static class NonFinite
{
    /// <summary>Index of the first NaN or infinity, or -1.</summary>
    public static int IndexIn(ReadOnlySpan<ushort> bits, ElementType type) =>
        IndexOfMasked(bits, type == ElementType.F16 ? (ushort)0x7c00 : (ushort)0x7f80);

    /// <summary>Index of the first NaN or infinity of f32 values given as bits, or -1.</summary>
    public static int IndexIn(ReadOnlySpan<uint> bits) => IndexOfMasked(bits, 0x7f800000u);

    private static int IndexOfMasked<T>(ReadOnlySpan<T> bits, T mask) where T : unmanaged, IBinaryInteger<T>
    {
        var masks = new Vector<T>(mask);
        int i = 0;
        for (; i + Vector<T>.Count <= bits.Length; i += Vector<T>.Count)
            if (Vector.EqualsAny(new Vector<T>(bits[i..]) & masks, masks))
                break;
        for (; i < bits.Length; i++)
            if ((bits[i] & mask) == mask)
                return i;
        return -1;
    }
}
