using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels.Managed.Matrices;

/// <summary>
/// I4 weights with a scale per output and group of 128 inputs, kept as int: a group's sum is exact in int32; groups are added in
/// ascending order by one fused multiply-add each.
/// </summary>
internal sealed class GroupedPanelMatrix : PanelMatrix
{
    private const int Lanes = PanelTensor.Lanes;
    private readonly int[] _weights; // [panel, input, 64], -7..7
    private readonly float[] _scales; // [panel, group, 64]

    public GroupedPanelMatrix(WeightFile file, PanelTensor tensor) : base(file, tensor)
    {
        _weights = new int[checked(tensor.Panels * tensor.Inputs * Lanes)];
        _scales = new float[checked(tensor.Panels * tensor.Groups * Lanes)];
        byte[] stored = new byte[tensor.PanelBytes];
        for (int panel = 0; panel < tensor.Panels; panel++)
        {
            file.Read(tensor.Offset + panel * tensor.PanelBytes, stored.AsSpan());
            for (int g = 0; g < tensor.Groups; g++)
                for (int lane = 0; lane < Lanes; lane++)
                    _scales[(panel * tensor.Groups + g) * Lanes + lane] =
                        HalfWords.FromBf16(BitConverter.ToUInt16(stored, g * PanelTensor.GroupBytes + lane * 2));
            var target = _weights.AsSpan(panel * tensor.Inputs * Lanes);
            for (int k = 0; k < tensor.Inputs; k++)
                for (int lane = 0; lane < Lanes; lane++)
                    target[k * Lanes + lane] = Nibble(stored, k, lane) - 8;
        }
    }

    private static int Nibble(byte[] panel, int input, int lane)
    {
        int k = input % PanelTensor.GroupInputs;
        int at = input / PanelTensor.GroupInputs * PanelTensor.GroupBytes + PanelTensor.GroupScaleBytes + (k / 8 * Lanes + lane) * 4 + k % 4;
        return k % 8 < 4 ? panel[at] & 15 : panel[at] >> 4;
    }

    protected override void MultiplyPanel(int panel, ActivationRows x, int rows, Span<float> y, int stride, int lanes)
    {
        int inputs = Tensor.Inputs;
        var weights = _weights.AsSpan(panel * inputs * Lanes, inputs * Lanes);
        Span<int> sums = stackalloc int[Lanes];
        for (int row = 0; row < rows; row++)
        {
            var target = y.Slice(row * stride, lanes);
            target.Clear();
            for (int g = 0; g < Tensor.Groups; g++)
            {
                int first = g * PanelTensor.GroupInputs, count = Math.Min(PanelTensor.GroupInputs, inputs - first);
                IntegerPanelMatrix.Dot(weights.Slice(first * Lanes, count * Lanes), x.Quantized(row).Slice(first, count), sums);
                var scales = _scales.AsSpan((panel * Tensor.Groups + g) * Lanes, lanes);
                for (int lane = 0; lane < lanes; lane++)
                    target[lane] = MathF.FusedMultiplyAdd(sums[lane], scales[lane], target[lane]);
            }
            float rowScale = x.Scale(row);
            for (int lane = 0; lane < lanes; lane++)
                target[lane] *= rowScale;
        }
    }
}
