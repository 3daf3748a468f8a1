using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Decoding;

/// <summary>
/// One layer's rows on their way to the devices and back: the one buffer that decoder, router, devices and links share. Allocated
/// once per decoder. While a layer is out, the inputs are read-only for everybody and each device owns its slice of the outputs.
/// </summary>
/// <remarks>
/// An activation row is f32[H] for 16-bit formats. For w8a8 and w4a8 it is int8[H] (two's complement) followed by the row's scale, one f32:
/// the experts quantize the normed row anyway, so sending the quantized row loses nothing and is a quarter of the bytes.
/// Slices are compact: group g's experts start at g * Rows * K/M, its output at g * Rows * H elements.
/// </remarks>
public sealed class LayerDispatch
{
    private readonly int _hidden;
    private readonly int _chosen;

    public LayerDispatch(Manifest manifest, int maxRows)
    {
        var shape = manifest.Shape;
        _hidden = shape.HiddenSize;
        _chosen = shape.ChosenPerGroup;
        Groups = shape.Groups;
        MaxRows = maxRows;
        RowBytes = ActivationRowBytes(manifest);
        OutputType = manifest.GroupOutput;
        Activations = GC.AllocateArray<byte>(checked(maxRows * RowBytes), pinned: true);
        Experts = GC.AllocateArray<int>(checked(maxRows * shape.ExpertsPerToken), pinned: true);
        Weights = GC.AllocateArray<float>(checked(maxRows * shape.ExpertsPerToken), pinned: true);
        Outputs = GC.AllocateArray<byte>(checked(Groups * maxRows * _hidden * OutputType.Size()), pinned: true);
    }

    public int MaxRows { get; }
    public int Groups { get; }
    public int RowBytes { get; }
    public ElementType OutputType { get; }

    /// <summary>Grows by one per step of a decoder; replies that carry another one are late and dropped.</summary>
    public long StepId { get; set; }

    public int Layer { get; set; }
    public int Rows { get; set; }

    /// <summary>[row, RowBytes].</summary>
    public byte[] Activations { get; }

    /// <summary>[group, row, K/M] ids within the group.</summary>
    public int[] Experts { get; }

    /// <summary>[group, row, K/M].</summary>
    public float[] Weights { get; }

    /// <summary>[group, row, H] in <see cref="OutputType"/>.</summary>
    public byte[] Outputs { get; }

    public int OutputBytesPerGroup => Rows * _hidden * OutputType.Size();

    public ReadOnlySpan<byte> ActivationRows => Activations.AsSpan(0, Rows * RowBytes);
    public ReadOnlySpan<int> ExpertsOf(int group) => Experts.AsSpan(group * Rows * _chosen, Rows * _chosen);
    public ReadOnlySpan<float> WeightsOf(int group) => Weights.AsSpan(group * Rows * _chosen, Rows * _chosen);
    public Span<byte> OutputOf(int group) => Outputs.AsSpan(group * OutputBytesPerGroup, OutputBytesPerGroup);

    /// <summary>Bytes of one encoded activation row.</summary>
    public static int ActivationRowBytes(Manifest manifest) =>
        manifest.Weights.IsInteger() ? manifest.Shape.HiddenSize + 4 : manifest.Shape.HiddenSize * 4;
}
