using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>The paged KV cache: what it stores of keys and values, and how a query and probabilities meet that.</summary>
internal abstract class KvCache
{
    private readonly int _kvHeads;
    private readonly int _blocks;

    protected KvCache(ModelShape shape, int blocks)
    {
        _kvHeads = shape.KvHeads;
        _blocks = blocks;
        HeadDim = shape.HeadDim;
        RowsPerLayer = checked(blocks * KvBlockPool.BlockPositions * shape.KvHeads);
    }

    protected int HeadDim { get; }

    /// <summary>Keys, or values, of one layer: blocks x kv heads x positions of a block.</summary>
    protected int RowsPerLayer { get; }

    /// <param name="shape">Of the model.</param>
    /// <param name="type">F32, Bf16 or I8.</param>
    /// <param name="blocks">Blocks of 64 positions.</param>
    public static KvCache Create(ModelShape shape, ElementType type, int blocks) =>
        type == ElementType.I8 ? new IntegerKvCache(shape, blocks) : new FloatKvCache(shape, type, blocks);

    /// <summary>Stores one row's keys and values, each [KvHeads * D], at a position of a block.</summary>
    public void Store(int layer, int block, int slot, ReadOnlySpan<float> keys, ReadOnlySpan<float> values)
    {
        if ((uint)block >= (uint)_blocks)
            throw new ArgumentOutOfRangeException(nameof(block), block, $"the KV cache has {_blocks} blocks");
        for (int head = 0; head < _kvHeads; head++)
            StoreRow(layer, RowOf(block, head, slot), keys.Slice(head * HeadDim, HeadDim), values.Slice(head * HeadDim, HeadDim));
    }

    /// <summary>scores[i] = scaled product of a query [D] with the key at position i of a block; as many as there are scores.</summary>
    public abstract void Score(int layer, int block, int head, ReadOnlySpan<float> query, float scale, Span<float> scores);

    /// <summary>output = sum over positions i of p[i] * value i.</summary>
    /// <param name="p">One per position of the block, from its first on; may be overwritten.</param>
    /// <param name="output">[D].</param>
    public abstract void Weigh(int layer, int block, int head, Span<float> p, Span<float> output);

    protected abstract void StoreRow(int layer, int row, ReadOnlySpan<float> key, ReadOnlySpan<float> value);

    protected int RowOf(int block, int head, int slot) => (block * _kvHeads + head) * KvBlockPool.BlockPositions + slot;

    /// <summary>[layer][row, D].</summary>
    protected T[][] NewRows<T>(ModelShape shape, int width)
    {
        var layers = new T[shape.Layers][];
        for (int layer = 0; layer < layers.Length; layer++)
            layers[layer] = new T[checked(RowsPerLayer * width)];
        return layers;
    }
}
