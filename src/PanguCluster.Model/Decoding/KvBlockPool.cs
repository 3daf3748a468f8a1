namespace PanguCluster.Model.Decoding;

/// <summary>
/// The free list of the paged KV cache: which blocks of 64 positions belong to nobody. Blocks come out last in, first out, so a run is
/// the same every time. Allocates at construction only.
/// </summary>
public sealed class KvBlockPool
{
    /// <summary>Positions per block; also the block of the online softmax (NUMERICS.md, attention).</summary>
    public const int BlockPositions = 64;

    private readonly int[] _free;
    private readonly bool[] _taken;

    public KvBlockPool(int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        _free = new int[blocks];
        _taken = new bool[blocks];
        for (int i = 0; i < blocks; i++)
            _free[i] = blocks - 1 - i;
        Free = blocks;
    }

    public int Total => _free.Length;
    public int Free { get; private set; }

    /// <summary>Blocks that hold <paramref name="positions"/> positions.</summary>
    public static int BlocksFor(int positions) => (positions + BlockPositions - 1) / BlockPositions;

    /// <exception cref="InvalidOperationException">No block is free: the planner promised one.</exception>
    public int Take()
    {
        if (Free == 0)
            throw new InvalidOperationException("the KV cache has no free block");
        int block = _free[--Free];
        _taken[block] = true;
        return block;
    }

    /// <exception cref="InvalidOperationException">The block is not taken: it would belong to two sequences.</exception>
    public void Return(int block)
    {
        if (!_taken[block])
            throw new InvalidOperationException($"KV block {block} is returned twice");
        _taken[block] = false;
        _free[Free++] = block;
    }
}
