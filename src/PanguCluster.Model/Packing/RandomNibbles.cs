using System.Runtime.InteropServices;

namespace PanguCluster.Model.Packing;

/// <summary>Random panels of I4 tensors. Scales differ between outputs and groups, so that a kernel that mixes them up is seen.</summary>
internal static class RandomNibbles
{
    /// <param name="panel">[PanelBytes]</param>
    /// <param name="lanes">Outputs there are; the others become zero weights with scale zero.</param>
    public static void Fill(Span<byte> panel, PanelTensor tensor, int lanes, RandomWeights random)
    {
        Span<float> scales = stackalloc float[PanelTensor.Lanes];
        float scale = ScaleOf(tensor.Inputs);
        for (int g = 0; g < tensor.Groups; g++)
        {
            var group = panel[(g * PanelTensor.GroupBytes)..];
            group = group[..Math.Min(PanelTensor.GroupBytes, group.Length)];
            random.Fill(scales, scale, scale / 4);
            scales[lanes..].Clear();
            var stored = MemoryMarshal.Cast<byte, ushort>(group[..PanelTensor.GroupScaleBytes]);
            for (int lane = 0; lane < PanelTensor.Lanes; lane++)
                stored[lane] = HalfWords.ToBf16(scales[lane]);
            var nibbles = group[PanelTensor.GroupScaleBytes..];
            random.Fill(nibbles);
            ReplaceMinusEight(MemoryMarshal.Cast<byte, ulong>(nibbles));
            ClearMissing(nibbles, tensor.Inputs - g * PanelTensor.GroupInputs, lanes);
        }
    }

    /// <summary>Uniform q in -7..7 have a standard deviation of sqrt((15^2 - 1) / 12); times this it is 1/sqrt(inputs).</summary>
    private static float ScaleOf(int inputs) => (float)(1 / Math.Sqrt(224.0 / 12 * inputs));

    /// <summary>A nibble of 0 would be -8, which no packer writes: it becomes 8, a zero weight.</summary>
    private static void ReplaceMinusEight(Span<ulong> words)
    {
        foreach (ref ulong word in words)
        {
            ulong used = word | word >> 1 | word >> 2 | word >> 3;
            word |= (~used & 0x1111111111111111) << 3;
        }
    }

    private static void ClearMissing(Span<byte> nibbles, int inputs, int lanes)
    {
        const int Row = PanelTensor.Lanes * 4; // bytes of eight inputs
        for (int at = 0; at < nibbles.Length; at += Row)
            nibbles.Slice(at + lanes * 4, Row - lanes * 4).Fill(PanelTensor.ZeroI4);
        for (int k = inputs; k < nibbles.Length / Row * 8; k++)
            for (int lane = 0; lane < lanes; lane++)
            {
                ref byte pair = ref nibbles[k / 8 * Row + lane * 4 + k % 4];
                pair = (byte)(k % 8 < 4 ? pair & 0xF0 | PanelTensor.ZeroI4 & 0x0F : pair & 0x0F | PanelTensor.ZeroI4 & 0xF0);
            }
    }
}
