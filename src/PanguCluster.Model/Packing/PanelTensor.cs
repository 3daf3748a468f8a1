namespace PanguCluster.Model.Packing;

/// <summary>
/// Where one matrix [outputs, inputs] lies in a packed file, cut into panels of 64 outputs so that a kernel reads it as one
/// sequential stream with lanes = outputs.
/// </summary>
/// <remarks>
/// Panel p holds outputs 64p .. 64p+63 (missing outputs are zero weights):
/// F32/Bf16/F16: <c>[k = 0..inputs-1][lane = 0..63]</c>;
/// I8: <c>[k4 = 0..PaddedInputs/4-1][lane = 0..63][j = 0..3]</c> holds input 4*k4+j, stored as q + 128 (missing inputs store 128).
/// I4: for every group of 128 inputs, first its scales, bf16[64], then <c>[k8 = 0..inputs of the group/8-1][lane = 0..63][j = 0..3]</c>: a byte
/// holds input 8*k8+j in its low and input 8*k8+4+j in its high nibble, each as q + 8 (missing inputs store 8). The last group is as long as
/// the inputs left, rounded up to 8. Scales stand in the stream because a thread reads a panel front to back.
/// After the panels of an I8 tensor come its scales, f32[Panels*64]; a bias, where there is one, is f32[Panels*64].
/// A <em>paired</em> tensor (gate and up of a SwiGLU) alternates: panel 2i is gate outputs 64i.., panel 2i+1 is up outputs 64i..;
/// its <see cref="Outputs"/> counts one of the two, <see cref="Panels"/> counts both, and scales follow panel order.
/// </remarks>
public readonly record struct PanelTensor(
    ElementType Type, int Outputs, int Inputs, bool Paired, long Offset, long ScalesOffset, long BiasOffset)
{
    public const int Lanes = 64;
    public const long None = -1;

    /// <summary>What a missing or zero weight is stored as in an I8 tensor.</summary>
    public const byte ZeroI8 = 128;

    /// <summary>Inputs that share a scale per output in an I4 tensor.</summary>
    public const int GroupInputs = 128;

    /// <summary>Two missing or zero weights of an I4 tensor.</summary>
    public const byte ZeroI4 = 0x88;

    public int PaddedInputs => Type switch
    {
        ElementType.I8 => (Inputs + 3) & ~3,
        ElementType.I4 => (Inputs + 7) & ~7,
        _ => Inputs,
    };

    /// <summary>Groups of inputs; I4 only.</summary>
    public int Groups => (Inputs + GroupInputs - 1) / GroupInputs;

    public int OutputPanels => (Outputs + Lanes - 1) / Lanes;
    public int Panels => OutputPanels * (Paired ? 2 : 1);
    public long PanelBytes => Type == ElementType.I4 ? (long)Lanes * PaddedInputs / 2 + Groups * GroupScaleBytes : (long)Lanes * PaddedInputs * Type.Size();
    public long WeightBytes => Panels * PanelBytes;

    /// <summary>Bytes of a group's scales in a panel of an I4 tensor.</summary>
    public const int GroupScaleBytes = Lanes * 2;

    /// <summary>Bytes from one group of a panel to the next in an I4 tensor.</summary>
    public const int GroupBytes = GroupScaleBytes + Lanes * GroupInputs / 2;
}

/// <summary>Hands out 64-byte aligned places in a file, front to back.</summary>
public sealed class LayoutCursor
{
    public const int Alignment = 64;

    public long Length { get; private set; }

    public long Take(long bytes)
    {
        long at = Length;
        Length = (at + bytes + Alignment - 1) / Alignment * Alignment;
        return at;
    }

    public PanelTensor TakePanels(ElementType type, int outputs, int inputs, bool paired = false, bool bias = false)
    {
        var t = new PanelTensor(type, outputs, inputs, paired, 0, PanelTensor.None, PanelTensor.None);
        long rows = (long)t.Panels * PanelTensor.Lanes;
        return t with
        {
            Offset = Take(t.WeightBytes),
            ScalesOffset = type == ElementType.I8 ? Take(rows * 4) : PanelTensor.None,
            BiasOffset = bias ? Take(rows * 4) : PanelTensor.None,
        };
    }
}
