using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels.Managed.Matrices;

/// <summary>
/// I8 weights with a scale per output, kept as int: the sum over all inputs is exact in int32, so no bit depends on its order.
/// </summary>
internal sealed class IntegerPanelMatrix : PanelMatrix
{
    private const int Wide = 16; // ints of a Vector512
    private readonly int[] _weights; // [panel, input, 64], -127..127
    private readonly float[] _scales; // [Panels * 64]

    public IntegerPanelMatrix(WeightFile file, PanelTensor tensor) : base(file, tensor)
    {
        _scales = file.Read<float>(tensor.ScalesOffset, tensor.Panels * PanelTensor.Lanes);
        _weights = new int[checked(tensor.Panels * tensor.Inputs * PanelTensor.Lanes)];
        byte[] stored = new byte[tensor.PanelBytes];
        for (int panel = 0; panel < tensor.Panels; panel++)
        {
            file.Read(tensor.Offset + panel * tensor.PanelBytes, stored.AsSpan());
            var target = _weights.AsSpan(panel * tensor.Inputs * PanelTensor.Lanes);
            for (int k = 0; k < tensor.Inputs; k++)
                for (int lane = 0; lane < PanelTensor.Lanes; lane++)
                    target[k * PanelTensor.Lanes + lane] = stored[(k / 4 * PanelTensor.Lanes + lane) * 4 + k % 4] - PanelTensor.ZeroI8;
        }
    }

    protected override void MultiplyPanel(int panel, ActivationRows x, int rows, Span<float> y, int stride, int lanes)
    {
        int size = Tensor.Inputs * PanelTensor.Lanes;
        var weights = _weights.AsSpan(panel * size, size);
        var scales = _scales.AsSpan(panel * PanelTensor.Lanes, lanes);
        Span<int> sums = stackalloc int[PanelTensor.Lanes];
        for (int row = 0; row < rows; row++)
        {
            Dot(weights, x.Quantized(row), sums);
            float rowScale = x.Scale(row);
            var target = y.Slice(row * stride, lanes);
            for (int lane = 0; lane < lanes; lane++)
                target[lane] = sums[lane] * (rowScale * scales[lane]);
        }
    }

    /// <summary>sums[0..63] = exact products of x with weights [x.Length, 64].</summary>
    internal static void Dot(ReadOnlySpan<int> weights, ReadOnlySpan<sbyte> x, Span<int> sums)
    {
        ref int w = ref MemoryMarshal.GetReference(weights);
        Vector512<int> c0 = default, c1 = default, c2 = default, c3 = default;
        for (int k = 0; k < x.Length; k++)
        {
            nuint at = (nuint)(k * PanelTensor.Lanes);
            var v = Vector512.Create((int)x[k]);
            c0 += Vector512.LoadUnsafe(ref w, at) * v;
            c1 += Vector512.LoadUnsafe(ref w, at + Wide) * v;
            c2 += Vector512.LoadUnsafe(ref w, at + 2 * Wide) * v;
            c3 += Vector512.LoadUnsafe(ref w, at + 3 * Wide) * v;
        }
        c0.CopyTo(sums);
        c1.CopyTo(sums[Wide..]);
        c2.CopyTo(sums[(2 * Wide)..]);
        c3.CopyTo(sums[(3 * Wide)..]);
    }
}
