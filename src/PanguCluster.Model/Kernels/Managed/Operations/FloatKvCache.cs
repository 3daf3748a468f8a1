using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>Keys and values in f32 or bf16. A bf16 cache holds the rounded values widened again, which is the same number in more bytes.</summary>
internal sealed class FloatKvCache : KvCache
{
    private readonly bool _round;
    private readonly float[][] _keys; // [layer][row, D]
    private readonly float[][] _values;

    public FloatKvCache(ModelShape shape, ElementType type, int blocks) : base(shape, blocks)
    {
        _round = type == ElementType.Bf16;
        _keys = NewRows<float>(shape, HeadDim);
        _values = NewRows<float>(shape, HeadDim);
    }

    public override void Score(int layer, int block, int head, ReadOnlySpan<float> query, float scale, Span<float> scores)
    {
        for (int i = 0; i < scores.Length; i++)
            scores[i] = Reduction.Dot(query, Row(_keys[layer], RowOf(block, head, i))) * scale;
    }

    public override void Weigh(int layer, int block, int head, Span<float> p, Span<float> output)
    {
        output.Clear();
        for (int i = 0; i < p.Length; i++)
            Elementwise.MultiplyAdd(p[i], Row(_values[layer], RowOf(block, head, i)), output);
    }

    protected override void StoreRow(int layer, int row, ReadOnlySpan<float> key, ReadOnlySpan<float> value)
    {
        Copy(key, Row(_keys[layer], row));
        Copy(value, Row(_values[layer], row));
    }

    private Span<float> Row(float[] rows, int row) => rows.AsSpan(row * HeadDim, HeadDim);

    private void Copy(ReadOnlySpan<float> x, Span<float> stored)
    {
        if (_round)
            for (int i = 0; i < x.Length; i++)
                stored[i] = HalfWords.FromBf16(HalfWords.ToBf16(x[i]));
        else
            x.CopyTo(stored);
    }
}
