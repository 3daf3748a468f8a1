namespace PanguCluster.Model.Decoding;

/// <summary>
/// Who holds which block of the paged KV cache. A block is empty, held by one or more sequences, or cached: held by nobody, but with the
/// keys and values of 64 published positions, for whoever has the same tokens up to there. Empty blocks go out first (last in, first out),
/// then cached ones, the least recently used first. Allocates at construction only.
/// </summary>
/// <remarks>
/// Who holds a published block holds those before it, and lets go of the last one first. So a block has at most as many holders as the one
/// before it, is older in the order of use when it has none, and is evicted first: what is published has all that is before it published.
/// A published block is full, so nobody writes to a block that has two holders.
/// </remarks>
public sealed class KvBlockPool
{
    /// <summary>Positions per block; also the block of the online softmax (NUMERICS.md, attention).</summary>
    public const int BlockPositions = 64;

    /// <summary>The content before the first block of a sequence.</summary>
    public const long NoContent = PrefixIndex.Root;

    private const int End = -1;

    private readonly int[] _empty;
    private readonly int[] _holders; // [block]
    private readonly int[] _older; // [block] neighbours in the order of use, while cached
    private readonly int[] _newer;
    private readonly PrefixIndex _index;
    private int _emptyCount;
    private int _oldest = End;
    private int _newest = End;

    public KvBlockPool(int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        _empty = new int[blocks];
        _holders = new int[blocks];
        _older = new int[blocks];
        _newer = new int[blocks];
        _index = new PrefixIndex(blocks);
        for (int i = 0; i < blocks; i++)
            _empty[i] = blocks - 1 - i;
        _emptyCount = blocks;
    }

    public int Total => _empty.Length;

    /// <summary>Blocks that nobody holds: empty and cached ones.</summary>
    public int Free => _emptyCount + Cached;

    /// <summary>Blocks that nobody holds and that still have published content.</summary>
    public int Cached { get; private set; }

    /// <summary>Blocks that hold <paramref name="positions"/> positions.</summary>
    public static int BlocksFor(int positions) => (positions + BlockPositions - 1) / BlockPositions;

    /// <summary>How many hold the block.</summary>
    public int HoldersOf(int block) => _holders[block];

    /// <summary>Names what the block's positions and all before them hold; <see cref="NoContent"/>: not published.</summary>
    public long ContentOf(int block) => _index.ContentOf(block);

    /// <summary>An empty block, or the one that has been cached for longest, for one holder who will write to it.</summary>
    /// <exception cref="InvalidOperationException">No block is free: the planner promised one.</exception>
    public int Take()
    {
        int block;
        if (_emptyCount > 0)
        {
            block = _empty[--_emptyCount];
        }
        else if (_oldest != End)
        {
            block = _oldest;
            Unlink(block);
            _index.Remove(block);
        }
        else
        {
            throw new InvalidOperationException("the KV cache has no free block");
        }
        _holders[block] = 1;
        return block;
    }

    /// <summary>One more holder for a published block, held or cached.</summary>
    /// <exception cref="InvalidOperationException">The block is not published: it may be written to.</exception>
    public void Share(int block)
    {
        if (ContentOf(block) == NoContent)
            throw new InvalidOperationException($"KV block {block} is not published");
        if (_holders[block]++ == 0)
            Unlink(block);
    }

    /// <summary>One holder less. Without any, a published block is cached as the most recently used, another one is empty.</summary>
    /// <exception cref="InvalidOperationException">Nobody holds the block: it would belong to two sequences.</exception>
    public void Return(int block)
    {
        if (_holders[block] == 0)
            throw new InvalidOperationException($"KV block {block} is returned twice");
        if (--_holders[block] > 0)
            return;
        if (ContentOf(block) == NoContent)
            _empty[_emptyCount++] = block;
        else
            LinkNewest(block);
    }

    /// <summary>The published block of these tokens after that content, or -1.</summary>
    /// <param name="before">Content of the block before, or <see cref="NoContent"/>.</param>
    /// <param name="tokens">[64].</param>
    public int Find(long before, ReadOnlySpan<int> tokens) => _index.Find(before, tokens);

    /// <summary>
    /// Makes a full block known. Where another one has the same content already, the caller holds that one from here on and
    /// <paramref name="block"/> comes back: the bits in both are equal.
    /// </summary>
    /// <returns>The block that the caller holds now.</returns>
    public int Publish(int block, long before, ReadOnlySpan<int> tokens)
    {
        int same = _index.Find(before, tokens);
        if (same < 0)
        {
            _index.Add(block, before, tokens);
            return block;
        }
        Share(same);
        Return(block);
        return same;
    }

    private void LinkNewest(int block)
    {
        _older[block] = _newest;
        _newer[block] = End;
        if (_newest == End)
            _oldest = block;
        else
            _newer[_newest] = block;
        _newest = block;
        Cached++;
    }

    private void Unlink(int block)
    {
        var (older, newer) = (_older[block], _newer[block]);
        if (older == End)
            _oldest = newer;
        else
            _newer[older] = newer;
        if (newer == End)
            _newest = older;
        else
            _older[newer] = older;
        Cached--;
    }
}
