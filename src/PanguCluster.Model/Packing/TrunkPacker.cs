using PanguCluster.Model.Checkpoints;

namespace PanguCluster.Model.Packing;

/// <summary>Writes trunk.bin from a checkpoint, in layout order.</summary>
internal static class TrunkPacker
{
    /// <summary>About this much of the embedding is held at a time, bytes.</summary>
    private const int EmbeddingChunk = 1 << 20;

    public static PackedFile Write(PackedFileWriter file, TrunkLayout layout, Checkpoint checkpoint)
    {
        int h = layout.Shape.HiddenSize;
        var panels = new PanelWriter(file);
        file.PadTo(layout.RopeInverseFrequencies);
        file.Write<double>(RopeFrequencies.Inverse(layout.Shape));
        WriteEmbedding(file, layout, checkpoint);
        for (int layer = 0; layer < layout.Layers.Length; layer++)
            WriteLayer(file, panels, layout, layer, checkpoint);
        WriteVector(file, layout.FinalNorm, checkpoint, TensorNames.FinalNorm, h);
        using (var head = Packer.Read(checkpoint, TensorNames.Head, h))
            panels.Write(layout.Head, head);
        return file.Finish(layout.Length);
    }

    private static void WriteEmbedding(PackedFileWriter file, TrunkLayout layout, Checkpoint checkpoint)
    {
        int h = layout.Shape.HiddenSize;
        file.PadTo(layout.Embedding);
        using var embedding = new MatrixReader(checkpoint, TensorNames.Embedding, h);
        var rows = new ushort[Math.Max(1, EmbeddingChunk / (2 * h)) * h];
        for (long left = (long)embedding.Rows * h; left > 0;)
        {
            var chunk = rows.AsSpan(0, (int)Math.Min(rows.Length, left));
            embedding.ReadHalf(chunk, layout.EmbeddingType);
            file.Write<ushort>(chunk);
            left -= chunk.Length;
        }
    }

    private static void WriteLayer(PackedFileWriter file, PanelWriter panels, TrunkLayout layout, int layer, Checkpoint checkpoint)
    {
        var shape = layout.Shape;
        int h = shape.HiddenSize;
        var at = layout.Layers[layer];
        string Name(string rest) => TensorNames.Layer(layer, rest);
        StackedMatrix Matrix(string rest, int columns) => Packer.Read(checkpoint, Name(rest + ".weight"), columns);
        float[] Bias(string rest, int length) => Vector(checkpoint, Name(rest + ".bias"), length);

        WriteVector(file, at.InputNorm, checkpoint, Name("input_layernorm.weight"), h);
        using (var qkv = new StackedMatrix(
            new MatrixReader(checkpoint, Name("self_attn.q_proj.weight"), h),
            new MatrixReader(checkpoint, Name("self_attn.k_proj.weight"), h),
            new MatrixReader(checkpoint, Name("self_attn.v_proj.weight"), h)))
            panels.Write(at.Qkv, qkv,
            [
                .. Bias("self_attn.q_proj", shape.QueryWidth), .. Bias("self_attn.k_proj", shape.KvWidth), .. Bias("self_attn.v_proj", shape.KvWidth),
            ]);
        using (var output = Matrix("self_attn.o_proj", shape.QueryWidth))
            panels.Write(at.Output, output, Bias("self_attn.o_proj", h));
        WriteVector(file, at.PostNorm, checkpoint, Name("post_attention_layernorm.weight"), h);
        using (var gate = Matrix("mlp.gate", h))
            panels.Write(at.Gate, gate);
        WriteVector(file, at.RouterScale, checkpoint, Name("mlp.router_scale"), shape.Experts);
        using (var gate = Matrix("mlp.shared_expert.gate_proj", h))
        using (var up = Matrix("mlp.shared_expert.up_proj", h))
            panels.WritePair(at.SharedGateUp, gate, up);
        using (var down = Matrix("mlp.shared_expert.down_proj", shape.SharedIntermediate))
            panels.Write(at.SharedDown, down);
    }

    private static void WriteVector(PackedFileWriter file, long offset, Checkpoint checkpoint, string name, int length)
    {
        file.PadTo(offset);
        file.Write<float>(Vector(checkpoint, name, length));
    }

    private static float[] Vector(Checkpoint checkpoint, string name, int length)
    {
        using var reader = new MatrixReader(checkpoint, name, length);
        var values = new float[length];
        reader.ReadFloats(values);
        return values;
    }
}
