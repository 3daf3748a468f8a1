namespace PanguCluster.Model.Packing;

/// <summary>What the user asks <c>pangu pack --format</c> for.</summary>
public enum PackFormat
{
    /// <summary>16-bit weights, kept in the checkpoint's own 16-bit type (F16 stays F16; F32 is rounded to BF16).</summary>
    Bf16,

    /// <summary>8-bit weights per output channel, 8-bit activations per row, exact integer accumulation.</summary>
    W8A8,

    /// <summary>4-bit weights with a scale per output and 128 inputs, activations as in <see cref="W8A8"/>, exact integer sums within a group.</summary>
    W4A8,
}

/// <summary>How the elements of one stored tensor are encoded. The numbers are part of the native interface.</summary>
public enum ElementType
{
    F32 = 0,
    Bf16 = 1,
    F16 = 2,

    /// <summary>An integer q in -127..127 stored as the byte q + 128 (what <c>vpdpbusd</c> wants as its unsigned operand).</summary>
    I8 = 3,

    /// <summary>An integer q in -7..7 stored as the nibble q + 8, with a scale per output and group of inputs: see <see cref="PanelTensor"/>.</summary>
    I4 = 4,
}

public static class ElementTypes
{
    /// <summary>Bytes of one element; I4 has none of its own, its panels hold more than elements.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.F32 => 4,
        ElementType.Bf16 or ElementType.F16 => 2,
        ElementType.I8 => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no whole number of bytes"),
    };

    /// <summary>Whether rows that meet weights of this type are int8 with a scale.</summary>
    public static bool IsInteger(this ElementType type) => type is ElementType.I8 or ElementType.I4;
}
