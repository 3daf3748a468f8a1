using System.Runtime.InteropServices;

namespace PanguCluster.Model.Packing;

/// <summary>Conversions between f32 and the two 16-bit types, to the bit as NUMERICS.md "Widening" states them.</summary>
public static class HalfWords
{
    /// <summary>Round to nearest even; NaN stays NaN.</summary>
    public static ushort ToBf16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if ((bits & 0x7fffffff) > 0x7f800000)
            return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }

    public static float FromBf16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>Widens exactly. Lengths must be equal.</summary>
    public static void Widen(ReadOnlySpan<ushort> source, ElementType type, Span<float> destination)
    {
        if (type == ElementType.F16)
        {
            for (int i = 0; i < source.Length; i++)
                destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
            return;
        }
        var bits = MemoryMarshal.Cast<float, uint>(destination);
        for (int i = 0; i < source.Length; i++)
            bits[i] = (uint)source[i] << 16;
    }
}
