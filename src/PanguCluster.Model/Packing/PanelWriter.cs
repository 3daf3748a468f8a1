using System.Runtime.InteropServices;

namespace PanguCluster.Model.Packing;

/// <summary>
/// Writes matrices as the panels <see cref="PanelTensor"/> describes, a strip of 64 output rows at a time: memory is one strip and
/// one panel, whatever the matrix. One instance per pack; its buffers are reused.
/// </summary>
internal sealed class PanelWriter(PackedFileWriter file)
{
    private const int Lanes = PanelTensor.Lanes;

    private byte[] _strip = [];
    private byte[] _panel = [];
    private byte[] _row = [];

    /// <param name="tensor">Where it goes; not paired.</param>
    /// <param name="bias">[Outputs] or null where the tensor has none.</param>
    public void Write(PanelTensor tensor, StackedMatrix matrix, float[]? bias = null)
    {
        var scales = new float[tensor.Panels * Lanes];
        file.PadTo(tensor.Offset);
        for (int panel = 0; panel < tensor.Panels; panel++)
            WritePanel(tensor, matrix, panel * Lanes, scales.AsSpan(panel * Lanes, Lanes));
        WriteScales(tensor, scales);
        if (bias is null)
            return;
        var padded = new float[tensor.Panels * Lanes];
        bias.CopyTo(padded, 0);
        file.PadTo(tensor.BiasOffset);
        file.Write<float>(padded);
    }

    /// <summary>A paired tensor: panels of gate and up alternate.</summary>
    public void WritePair(PanelTensor tensor, StackedMatrix gate, StackedMatrix up)
    {
        var scales = new float[tensor.Panels * Lanes];
        file.PadTo(tensor.Offset);
        for (int panel = 0; panel < tensor.Panels; panel++)
            WritePanel(tensor, panel % 2 == 0 ? gate : up, panel / 2 * Lanes, scales.AsSpan(panel * Lanes, Lanes));
        WriteScales(tensor, scales);
    }

    private void WriteScales(PanelTensor tensor, float[] scales)
    {
        if (tensor.ScalesOffset == PanelTensor.None)
            return;
        file.PadTo(tensor.ScalesOffset);
        file.Write<float>(scales);
    }

    private void WritePanel(PanelTensor tensor, StackedMatrix matrix, int first, Span<float> scales)
    {
        int lanes = Math.Min(Lanes, tensor.Outputs - first);
        int inputs = tensor.Inputs;
        var panel = Sized(ref _panel, (int)tensor.PanelBytes);
        switch (tensor.Type)
        {
            case ElementType.F32:
                var floats = MemoryMarshal.Cast<byte, float>(Sized(ref _strip, lanes * inputs * 4));
                matrix.ReadFloats(floats);
                Transpose<float>(floats, MemoryMarshal.Cast<byte, float>(panel), lanes, inputs);
                break;
            case ElementType.I8:
                var weights = MemoryMarshal.Cast<byte, float>(Sized(ref _strip, lanes * inputs * 4));
                matrix.ReadFloats(weights);
                QuantizePanel(weights, panel, lanes, inputs, tensor.PaddedInputs, scales);
                break;
            case ElementType.I4:
                var grouped = MemoryMarshal.Cast<byte, float>(Sized(ref _strip, lanes * inputs * 4));
                matrix.ReadFloats(grouped);
                QuantizeGroups(tensor, grouped, panel, lanes);
                break;
            default:
                var halves = MemoryMarshal.Cast<byte, ushort>(Sized(ref _strip, lanes * inputs * 2));
                matrix.ReadHalf(halves, tensor.Type);
                Transpose<ushort>(halves, MemoryMarshal.Cast<byte, ushort>(panel), lanes, inputs);
                break;
        }
        file.Write(panel);
    }

    private void QuantizePanel(ReadOnlySpan<float> weights, Span<byte> panel, int lanes, int inputs, int padded, Span<float> scales)
    {
        var stored = Sized(ref _row, Lanes * padded);
        for (int lane = 0; lane < lanes; lane++)
            scales[lane] = WeightQuantizer.Quantize(weights.Slice(lane * inputs, inputs), stored.Slice(lane * padded, padded));
        stored[(lanes * padded)..].Fill(PanelTensor.ZeroI8);
        // Four inputs of one lane stand together, so the panel is the transpose of 32-bit words.
        Transpose<uint>(MemoryMarshal.Cast<byte, uint>(stored), MemoryMarshal.Cast<byte, uint>(panel), Lanes, padded / 4);
    }

    private void QuantizeGroups(PanelTensor tensor, ReadOnlySpan<float> weights, Span<byte> panel, int lanes)
    {
        var row = MemoryMarshal.Cast<byte, sbyte>(Sized(ref _row, PanelTensor.GroupInputs));
        for (int g = 0; g < tensor.Groups; g++)
        {
            int first = g * PanelTensor.GroupInputs;
            int inputs = Math.Min(PanelTensor.GroupInputs, tensor.Inputs - first);
            var group = panel.Slice(g * PanelTensor.GroupBytes, Math.Min(PanelTensor.GroupBytes, panel.Length - g * PanelTensor.GroupBytes));
            var scales = MemoryMarshal.Cast<byte, ushort>(group[..PanelTensor.GroupScaleBytes]);
            var nibbles = group[PanelTensor.GroupScaleBytes..];
            scales.Clear();
            nibbles.Fill(PanelTensor.ZeroI4);
            for (int lane = 0; lane < lanes; lane++)
            {
                scales[lane] = NibbleQuantizer.Quantize(weights.Slice(lane * tensor.Inputs + first, inputs), row);
                // Both nibbles stand at 8: the exclusive or with 8 ^ (q + 8) leaves q + 8 in one and the other as it is.
                for (int k = 0; k < inputs; k++)
                    nibbles[(k / 8 * Lanes + lane) * 4 + k % 4] ^= (byte)((8 ^ (row[k] + 8)) << (k & 4));
            }
        }
    }

    /// <summary>[lanes, inputs] to [inputs, 64]; missing lanes become zero.</summary>
    internal static void Transpose<T>(ReadOnlySpan<T> rows, Span<T> panel, int lanes, int inputs) where T : unmanaged
    {
        if (lanes < Lanes)
            panel.Clear();
        // Blocks of 64 inputs: 64 short runs of a row each, so that both sides stay in the first cache level.
        const int Block = 64;
        for (int from = 0; from < inputs; from += Block)
        {
            int count = Math.Min(Block, inputs - from);
            for (int lane = 0; lane < lanes; lane++)
            {
                var run = rows.Slice(lane * inputs + from, count);
                var column = panel[(from * Lanes + lane)..];
                for (int k = 0; k < run.Length; k++)
                    column[k * Lanes] = run[k];
            }
        }
    }

    private static Span<byte> Sized(ref byte[] buffer, int bytes)
    {
        if (buffer.Length < bytes)
            buffer = GC.AllocateUninitializedArray<byte>(bytes);
        return buffer.AsSpan(0, bytes);
    }
}
