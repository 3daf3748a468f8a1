using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels.Managed.Matrices;

/// <summary>One packed matrix [outputs, inputs] read into memory: y = W x (+ bias) in the order of NUMERICS.md.</summary>
internal abstract class PanelMatrix
{
    private readonly float[]? _bias; // [Panels * 64]

    protected PanelMatrix(WeightFile file, PanelTensor tensor)
    {
        Tensor = tensor;
        if (tensor.BiasOffset != PanelTensor.None)
            _bias = file.Read<float>(tensor.BiasOffset, tensor.Panels * PanelTensor.Lanes);
    }

    protected PanelTensor Tensor { get; }

    /// <summary>
    /// Floats per result row: the outputs, or for a paired matrix every panel's 64 lanes in panel order (gate 0.., up 0.., gate 64.., ...).
    /// </summary>
    public int ResultWidth => Tensor.Paired ? Tensor.Panels * PanelTensor.Lanes : Tensor.Outputs;

    /// <summary>Whether rows have to be quantized.</summary>
    public bool Quantized => Tensor.Type.IsInteger();

    public static PanelMatrix Read(WeightFile file, PanelTensor tensor) => tensor.Type switch
    {
        ElementType.I8 => new IntegerPanelMatrix(file, tensor),
        ElementType.I4 => new GroupedPanelMatrix(file, tensor),
        _ => new FloatPanelMatrix(file, tensor),
    };

    /// <summary>A buffer for rows that go into this matrix.</summary>
    public ActivationRows NewInput(int maxRows) => new(maxRows, Tensor.Inputs, Quantized);

    /// <param name="x">Its first <paramref name="rows"/> rows.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="y">[rows, ResultWidth].</param>
    public void Multiply(ActivationRows x, int rows, Span<float> y)
    {
        int width = ResultWidth;
        for (int panel = 0; panel < Tensor.Panels; panel++)
        {
            int first = panel * PanelTensor.Lanes;
            int lanes = Math.Min(PanelTensor.Lanes, width - first);
            MultiplyPanel(panel, x, rows, y[first..], width, lanes);
            if (_bias is not null)
                for (int row = 0; row < rows; row++)
                    AddBias(_bias.AsSpan(first, lanes), y.Slice(row * width + first, lanes));
        }
    }

    /// <summary>One panel of 64 outputs; writes the first <paramref name="lanes"/> of every row at y[row * stride].</summary>
    protected abstract void MultiplyPanel(int panel, ActivationRows x, int rows, Span<float> y, int stride, int lanes);

    private static void AddBias(ReadOnlySpan<float> bias, Span<float> y)
    {
        for (int i = 0; i < y.Length; i++)
            y[i] += bias[i];
    }
}
