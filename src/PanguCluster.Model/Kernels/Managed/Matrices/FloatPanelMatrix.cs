using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels.Managed.Matrices;

/// <summary>
/// 16-bit and f32 weights, widened. Every output is one chain of fused multiply-adds over ascending inputs, in blocks of 512 whose sums
/// are added in order. Lanes are outputs, so wide vectors and scalars do the same operations.
/// </summary>
internal sealed class FloatPanelMatrix : PanelMatrix
{
    private const int Block = 512;
    private const int Wide = 16; // floats of a Vector512
    private readonly float[] _weights; // [panel, input, 64]

    public FloatPanelMatrix(WeightFile file, PanelTensor tensor) : base(file, tensor)
    {
        _weights = file.ReadWidened(tensor.Offset, tensor.Type, checked(tensor.Panels * tensor.Inputs * PanelTensor.Lanes));
    }

    protected override void MultiplyPanel(int panel, ActivationRows x, int rows, Span<float> y, int stride, int lanes)
    {
        int size = Tensor.Inputs * PanelTensor.Lanes;
        var weights = _weights.AsSpan(panel * size, size);
        Span<float> result = stackalloc float[2 * PanelTensor.Lanes];
        int row = 0;
        for (; row + 1 < rows; row += 2)
        {
            TwoRows(weights, x.Values(row), x.Values(row + 1), result);
            result[..lanes].CopyTo(y[(row * stride)..]);
            result.Slice(PanelTensor.Lanes, lanes).CopyTo(y[((row + 1) * stride)..]);
        }
        if (row < rows)
        {
            OneRow(weights, x.Values(row), result);
            result[..lanes].CopyTo(y[(row * stride)..]);
        }
    }

    /// <summary>result[0..63] = W x.</summary>
    private static void OneRow(ReadOnlySpan<float> weights, ReadOnlySpan<float> x, Span<float> result)
    {
        ref float w = ref MemoryMarshal.GetReference(weights);
        Vector512<float> t0 = default, t1 = default, t2 = default, t3 = default;
        for (int start = 0; start < x.Length; start += Block)
        {
            Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default;
            int end = Math.Min(start + Block, x.Length);
            for (int k = start; k < end; k++)
            {
                nuint at = (nuint)(k * PanelTensor.Lanes);
                var v = Vector512.Create(x[k]);
                c0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref w, at), v, c0);
                c1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref w, at + Wide), v, c1);
                c2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref w, at + 2 * Wide), v, c2);
                c3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref w, at + 3 * Wide), v, c3);
            }
            t0 += c0;
            t1 += c1;
            t2 += c2;
            t3 += c3;
        }
        t0.CopyTo(result);
        t1.CopyTo(result[Wide..]);
        t2.CopyTo(result[(2 * Wide)..]);
        t3.CopyTo(result[(3 * Wide)..]);
    }

    /// <summary>result[0..63] = W x, result[64..127] = W z: the same operations for each row, every weight read once.</summary>
    private static void TwoRows(ReadOnlySpan<float> weights, ReadOnlySpan<float> x, ReadOnlySpan<float> z, Span<float> result)
    {
        ref float w = ref MemoryMarshal.GetReference(weights);
        Vector512<float> t0 = default, t1 = default, t2 = default, t3 = default;
        Vector512<float> u0 = default, u1 = default, u2 = default, u3 = default;
        for (int start = 0; start < x.Length; start += Block)
        {
            Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default;
            Vector512<float> d0 = default, d1 = default, d2 = default, d3 = default;
            int end = Math.Min(start + Block, x.Length);
            for (int k = start; k < end; k++)
            {
                nuint at = (nuint)(k * PanelTensor.Lanes);
                var (xk, zk) = (Vector512.Create(x[k]), Vector512.Create(z[k]));
                var w0 = Vector512.LoadUnsafe(ref w, at);
                var w1 = Vector512.LoadUnsafe(ref w, at + Wide);
                var w2 = Vector512.LoadUnsafe(ref w, at + 2 * Wide);
                var w3 = Vector512.LoadUnsafe(ref w, at + 3 * Wide);
                c0 = Vector512.FusedMultiplyAdd(w0, xk, c0);
                c1 = Vector512.FusedMultiplyAdd(w1, xk, c1);
                c2 = Vector512.FusedMultiplyAdd(w2, xk, c2);
                c3 = Vector512.FusedMultiplyAdd(w3, xk, c3);
                d0 = Vector512.FusedMultiplyAdd(w0, zk, d0);
                d1 = Vector512.FusedMultiplyAdd(w1, zk, d1);
                d2 = Vector512.FusedMultiplyAdd(w2, zk, d2);
                d3 = Vector512.FusedMultiplyAdd(w3, zk, d3);
            }
            (t0, t1, t2, t3) = (t0 + c0, t1 + c1, t2 + c2, t3 + c3);
            (u0, u1, u2, u3) = (u0 + d0, u1 + d1, u2 + d2, u3 + d3);
        }
        t0.CopyTo(result);
        t1.CopyTo(result[Wide..]);
        t2.CopyTo(result[(2 * Wide)..]);
        t3.CopyTo(result[(3 * Wide)..]);
        u0.CopyTo(result[(4 * Wide)..]);
        u1.CopyTo(result[(5 * Wide)..]);
        u2.CopyTo(result[(6 * Wide)..]);
        u3.CopyTo(result[(7 * Wide)..]);
    }
}
