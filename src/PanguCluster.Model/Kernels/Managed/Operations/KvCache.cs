using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>The paged KV cache. A bf16 cache holds the rounded values widened again, which is the same number in more bytes.</summary>
internal sealed class KvCache
{
    private readonly bool _round;
    private readonly int _kvHeads;
    private readonly int _headDim;
    private readonly int _blocks;
    private readonly float[][] _keys; // [layer][block, kv head, position in block, D]
    private readonly float[][] _values;

    public KvCache(ModelShape shape, ElementType type, int blocks)
    {
        _round = type == ElementType.Bf16;
        _kvHeads = shape.KvHeads;
        _headDim = shape.HeadDim;
        _blocks = blocks;
        int perLayer = checked(blocks * KvBlockPool.BlockPositions * shape.KvWidth);
        _keys = new float[shape.Layers][];
        _values = new float[shape.Layers][];
        for (int layer = 0; layer < shape.Layers; layer++)
        {
            _keys[layer] = new float[perLayer];
            _values[layer] = new float[perLayer];
        }
    }

    /// <summary>Stores one row's keys and values, each [KvHeads * D], at a position of a block.</summary>
    public void Store(int layer, int block, int slot, ReadOnlySpan<float> keys, ReadOnlySpan<float> values)
    {
        if ((uint)block >= (uint)_blocks)
            throw new ArgumentOutOfRangeException(nameof(block), block, $"the KV cache has {_blocks} blocks");
        for (int head = 0; head < _kvHeads; head++)
        {
            int at = Offset(block, head, slot);
            Store(keys.Slice(head * _headDim, _headDim), _keys[layer].AsSpan(at, _headDim));
            Store(values.Slice(head * _headDim, _headDim), _values[layer].AsSpan(at, _headDim));
        }
    }

    public ReadOnlySpan<float> Key(int layer, int block, int head, int slot) => _keys[layer].AsSpan(Offset(block, head, slot), _headDim);

    public ReadOnlySpan<float> Value(int layer, int block, int head, int slot) => _values[layer].AsSpan(Offset(block, head, slot), _headDim);

    private int Offset(int block, int head, int slot) => ((block * _kvHeads + head) * KvBlockPool.BlockPositions + slot) * _headDim;

    private void Store(ReadOnlySpan<float> x, Span<float> stored)
    {
        if (_round)
            for (int i = 0; i < x.Length; i++)
                stored[i] = HalfWords.FromBf16(HalfWords.ToBf16(x[i]));
        else
            x.CopyTo(stored);
    }
}
