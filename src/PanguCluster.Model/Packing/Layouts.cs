using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Packing;

/// <summary>Weights of one routed expert in one layer.</summary>
/// <param name="GateUp">Paired [I, H].</param>
/// <param name="Down">[H, I].</param>
public readonly record struct ExpertLayout(PanelTensor GateUp, PanelTensor Down);

/// <summary>Where everything lies in <c>group-KK.bin</c>: layer-major, then expert. A pure function of shape and element type.</summary>
public sealed class GroupLayout
{
    public GroupLayout(ModelShape shape, ElementType type)
    {
        Shape = shape;
        var cursor = new LayoutCursor();
        Experts = new ExpertLayout[shape.Layers, shape.ExpertsPerGroup];
        for (int layer = 0; layer < shape.Layers; layer++)
            for (int e = 0; e < shape.ExpertsPerGroup; e++)
                Experts[layer, e] = new ExpertLayout(
                    cursor.TakePanels(type, shape.ExpertIntermediate, shape.HiddenSize, paired: true),
                    cursor.TakePanels(type, shape.HiddenSize, shape.ExpertIntermediate));
        Length = cursor.Length;
    }

    public ModelShape Shape { get; }

    /// <summary>[layer, expert within the group].</summary>
    public ExpertLayout[,] Experts { get; }

    public long Length { get; }
}

/// <summary>Trunk weights of one layer. Norms, router scale and biases are f32 whatever the format; so is the router gate.</summary>
/// <param name="InputNorm">Offset of f32[H].</param>
/// <param name="Qkv">[Heads*D + 2*KvHeads*D, H] with bias: queries, then keys, then values.</param>
/// <param name="Output">[H, Heads*D] with bias.</param>
/// <param name="PostNorm">Offset of f32[H].</param>
/// <param name="Gate">F32 [N, H], no bias.</param>
/// <param name="RouterScale">Offset of f32[N].</param>
/// <param name="SharedGateUp">Paired [S, H].</param>
/// <param name="SharedDown">[H, S].</param>
public readonly record struct TrunkLayerLayout(
    long InputNorm, PanelTensor Qkv, PanelTensor Output, long PostNorm,
    PanelTensor Gate, long RouterScale, PanelTensor SharedGateUp, PanelTensor SharedDown);

/// <summary>Where everything lies in <c>trunk.bin</c>. A pure function of shape, weight type and embedding type.</summary>
public sealed class TrunkLayout
{
    public TrunkLayout(ModelShape shape, ElementType type, ElementType embeddingType)
    {
        Shape = shape;
        EmbeddingType = embeddingType;
        var cursor = new LayoutCursor();
        RopeInverseFrequencies = cursor.Take(shape.HeadDim / 2 * sizeof(double));
        Embedding = cursor.Take((long)shape.VocabSize * shape.HiddenSize * embeddingType.Size());
        Layers = new TrunkLayerLayout[shape.Layers];
        int h = shape.HiddenSize;
        for (int layer = 0; layer < shape.Layers; layer++)
            Layers[layer] = new TrunkLayerLayout(
                cursor.Take(h * 4L),
                cursor.TakePanels(type, shape.QueryWidth + 2 * shape.KvWidth, h, bias: true),
                cursor.TakePanels(type, h, shape.QueryWidth, bias: true),
                cursor.Take(h * 4L),
                cursor.TakePanels(ElementType.F32, shape.Experts, h),
                cursor.Take(shape.Experts * 4L),
                cursor.TakePanels(type, shape.SharedIntermediate, h, paired: true),
                cursor.TakePanels(type, h, shape.SharedIntermediate));
        FinalNorm = cursor.Take(h * 4L);
        Head = cursor.TakePanels(type, shape.VocabSize, h);
        Length = cursor.Length;
    }

    public ModelShape Shape { get; }
    public ElementType EmbeddingType { get; }

    /// <summary>f64[D/2], theta^(-2j/D): computed once when packing, so that no later libm can change a bit.</summary>
    public long RopeInverseFrequencies { get; }

    /// <summary>Row-major [V, H] in <see cref="EmbeddingType"/>.</summary>
    public long Embedding { get; }

    public TrunkLayerLayout[] Layers { get; }

    /// <summary>f32[H].</summary>
    public long FinalNorm { get; }

    /// <summary>[V, H], no bias.</summary>
    public PanelTensor Head { get; }

    public long Length { get; }
}
