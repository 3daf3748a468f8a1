using System.Runtime.InteropServices;
using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Packing;

/// <summary>
/// Packed models with random weights of any shape, written straight in packed layout: for benchmarks at real sizes and for tests.
/// Activations stay of order one: weights have standard deviation 1/sqrt(inputs), norms are about 1, biases small.
/// </summary>
public static class RandomModel
{
    /// <summary>Writes a packed model; the same arguments give the same bytes.</summary>
    /// <param name="folder">Must not exist, or be empty.</param>
    /// <param name="halfType">Bf16 or F16: the embedding's type, and for <see cref="PackFormat.Bf16"/> that of all matrices.</param>
    /// <param name="written">Told the bytes of every write.</param>
    /// <exception cref="ModelFormatException">The shape is not valid, or the folder cannot be written.</exception>
    public static PackedModel Write(
        string folder, ModelShape shape, PackFormat format, ulong seed, ElementType halfType = ElementType.Bf16, string name = "random",
        Action<long>? written = null, CancellationToken cancel = default)
    {
        shape.Validate();
        if (halfType is not (ElementType.Bf16 or ElementType.F16))
            throw new ArgumentOutOfRangeException(nameof(halfType), halfType, "Bf16 or F16");
        var type = ManifestRules.WeightsOf(format, halfType);
        var random = new RandomWeights(seed);
        using var transaction = new PackTransaction(folder, replace: false);
        var files = new List<PackedFile>();
        using (var file = new PackedFileWriter(transaction.Folder, PackedModel.TrunkFileName, cancel, written))
            files.Add(WriteTrunk(file, new TrunkLayout(shape, type, halfType), random));
        var layout = new GroupLayout(shape, type);
        for (int g = 0; g < shape.Groups; g++)
            using (var file = new PackedFileWriter(transaction.Folder, PackedModel.GroupFileName(g), cancel, written))
                files.Add(WriteGroup(file, layout, random));
        int last = shape.VocabSize - 1;
        var config = new CheckpointConfig(shape, Math.Min(1, last), [Math.Min(2, last)]);
        return transaction.Commit(ManifestBuilder.Build(
            name, config, format, halfType, ManifestRules.StateTypeOf(format), new ChatSettings(false), files));
    }

    private static PackedFile WriteTrunk(PackedFileWriter file, TrunkLayout layout, RandomWeights random)
    {
        var shape = layout.Shape;
        int h = shape.HiddenSize;
        file.PadTo(layout.RopeInverseFrequencies);
        file.Write<double>(RopeFrequencies.Inverse(shape));
        file.PadTo(layout.Embedding);
        random.NextTensor();
        var row = new ushort[h];
        for (int v = 0; v < shape.VocabSize; v++)
        {
            // A row of standard deviation 1: as many inputs as one.
            random.Fill(row, layout.EmbeddingType, inputs: 1);
            file.Write<ushort>(row);
        }
        foreach (var layer in layout.Layers)
        {
            WriteVector(file, layer.InputNorm, h, 1f, 0.1f, random);
            WritePanels(file, layer.Qkv, random);
            WritePanels(file, layer.Output, random);
            WriteVector(file, layer.PostNorm, h, 1f, 0.1f, random);
            WritePanels(file, layer.Gate, random);
            WriteVector(file, layer.RouterScale, shape.Experts, 2.5f, 1.5f, random);
            WritePanels(file, layer.SharedGateUp, random);
            WritePanels(file, layer.SharedDown, random);
        }
        WriteVector(file, layout.FinalNorm, h, 1f, 0.1f, random);
        WritePanels(file, layout.Head, random);
        return file.Finish(layout.Length);
    }

    private static PackedFile WriteGroup(PackedFileWriter file, GroupLayout layout, RandomWeights random)
    {
        foreach (var expert in layout.Experts)
        {
            WritePanels(file, expert.GateUp, random);
            WritePanels(file, expert.Down, random);
        }
        return file.Finish(layout.Length);
    }

    private static void WriteVector(PackedFileWriter file, long offset, int length, float centre, float bound, RandomWeights random)
    {
        var values = new float[length];
        random.NextTensor();
        random.Fill(values, centre, bound);
        file.PadTo(offset);
        file.Write<float>(values);
    }

    private static void WritePanels(PackedFileWriter file, PanelTensor tensor, RandomWeights random)
    {
        random.NextTensor();
        file.PadTo(tensor.Offset);
        var bytes = GC.AllocateUninitializedArray<byte>((int)tensor.PanelBytes);
        for (int panel = 0; panel < tensor.Panels; panel++)
        {
            FillPanel(bytes, tensor, LanesOf(tensor, panel), random);
            file.Write(bytes);
        }
        if (tensor.ScalesOffset != PanelTensor.None)
            WriteLanes(file, tensor, tensor.ScalesOffset, _ => RandomWeights.ScaleOf(tensor.Inputs));
        if (tensor.BiasOffset != PanelTensor.None)
        {
            var bias = new float[tensor.Panels * PanelTensor.Lanes];
            random.Fill(bias, 0f, 0.05f);
            WriteLanes(file, tensor, tensor.BiasOffset, i => bias[i]);
        }
    }

    private static int LanesOf(PanelTensor tensor, int panel)
    {
        int first = (tensor.Paired ? panel / 2 : panel) * PanelTensor.Lanes;
        return Math.Min(PanelTensor.Lanes, tensor.Outputs - first);
    }

    private static void FillPanel(Span<byte> bytes, PanelTensor tensor, int lanes, RandomWeights random)
    {
        switch (tensor.Type)
        {
            case ElementType.F32:
                random.Fill(MemoryMarshal.Cast<byte, float>(bytes), 0f, RandomWeights.BoundOf(tensor.Inputs));
                break;
            case ElementType.I8:
                random.Fill(bytes);
                ClearMissing(bytes, tensor, lanes);
                return;
            case ElementType.I4:
                RandomNibbles.Fill(bytes, tensor, lanes, random);
                return;
            default:
                random.Fill(MemoryMarshal.Cast<byte, ushort>(bytes), tensor.Type, tensor.Inputs);
                break;
        }
        int size = tensor.Type.Size();
        if (lanes < PanelTensor.Lanes)
            for (int at = 0; at < bytes.Length; at += PanelTensor.Lanes * size)
                bytes.Slice(at + lanes * size, (PanelTensor.Lanes - lanes) * size).Clear();
    }

    private static void ClearMissing(Span<byte> bytes, PanelTensor tensor, int lanes)
    {
        const int Row = PanelTensor.Lanes * 4;
        if (lanes < PanelTensor.Lanes)
            for (int at = 0; at < bytes.Length; at += Row)
                bytes.Slice(at + lanes * 4, Row - lanes * 4).Fill(PanelTensor.ZeroI8);
        int used = tensor.Inputs % 4;
        if (used != 0)
            for (int lane = 0; lane < PanelTensor.Lanes; lane++)
                bytes.Slice(bytes.Length - Row + lane * 4 + used, 4 - used).Fill(PanelTensor.ZeroI8);
    }

    /// <summary>f32[Panels*64], zero for missing outputs.</summary>
    private static void WriteLanes(PackedFileWriter file, PanelTensor tensor, long offset, Func<int, float> value)
    {
        var values = new float[tensor.Panels * PanelTensor.Lanes];
        for (int panel = 0; panel < tensor.Panels; panel++)
            for (int lane = 0; lane < LanesOf(tensor, panel); lane++)
                values[panel * PanelTensor.Lanes + lane] = value(panel * PanelTensor.Lanes + lane);
        file.PadTo(offset);
        file.Write<float>(values);
    }
}
