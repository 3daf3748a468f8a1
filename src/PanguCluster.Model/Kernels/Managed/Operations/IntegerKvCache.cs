using PanguCluster.Model.Kernels.Managed.Matrices;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>
/// Keys and values of every head in int8 with a scale each. A query is quantized as a key is, probabilities (with their value's scale in
/// them) to 14 bits, so that both products are sums of integers: exact in any order.
/// </summary>
internal sealed class IntegerKvCache : KvCache
{
    /// <summary>127 * 128 + 127: two int8 factors of 7 bits.</summary>
    private const float MaxWeight = 16383f;

    private readonly sbyte[][] _keys; // [layer][row, D]
    private readonly sbyte[][] _values;
    private readonly float[][] _keyScales; // [layer][row]
    private readonly float[][] _valueScales;
    private readonly sbyte[] _query; // [D]
    private readonly int[] _sums; // [D]

    public IntegerKvCache(ModelShape shape, int blocks) : base(shape, blocks)
    {
        _keys = NewRows<sbyte>(shape, HeadDim);
        _values = NewRows<sbyte>(shape, HeadDim);
        _keyScales = NewRows<float>(shape, 1);
        _valueScales = NewRows<float>(shape, 1);
        _query = new sbyte[HeadDim];
        _sums = new int[HeadDim];
    }

    public override void Score(int layer, int block, int head, ReadOnlySpan<float> query, float scale, Span<float> scores)
    {
        float factor = ActivationRows.QuantizeRow(query, _query) * scale;
        for (int i = 0; i < scores.Length; i++)
        {
            int row = RowOf(block, head, i), sum = 0;
            var key = _keys[layer].AsSpan(row * HeadDim, HeadDim);
            for (int d = 0; d < key.Length; d++)
                sum += _query[d] * key[d];
            scores[i] = sum * (factor * _keyScales[layer][row]);
        }
    }

    public override void Weigh(int layer, int block, int head, Span<float> p, Span<float> output)
    {
        int first = RowOf(block, head, 0);
        float m = 0f;
        for (int i = 0; i < p.Length; i++)
        {
            p[i] *= _valueScales[layer][first + i];
            if (p[i] > m)
                m = p[i];
        }
        output.Clear();
        if (m < ActivationRows.Smallest)
            return;
        float unit = m / MaxWeight, inverse = MaxWeight / m;
        Array.Clear(_sums);
        for (int i = 0; i < p.Length; i++)
        {
            int weight = (int)MathF.Round(p[i] * inverse, MidpointRounding.ToEven);
            var value = _values[layer].AsSpan((first + i) * HeadDim, HeadDim);
            for (int d = 0; d < value.Length; d++)
                _sums[d] += weight * value[d];
        }
        for (int d = 0; d < output.Length; d++)
            output[d] = _sums[d] * unit;
    }

    protected override void StoreRow(int layer, int row, ReadOnlySpan<float> key, ReadOnlySpan<float> value)
    {
        _keyScales[layer][row] = ActivationRows.QuantizeRow(key, _keys[layer].AsSpan(row * HeadDim, HeadDim));
        _valueScales[layer][row] = ActivationRows.QuantizeRow(value, _values[layer].AsSpan(row * HeadDim, HeadDim));
    }
}
