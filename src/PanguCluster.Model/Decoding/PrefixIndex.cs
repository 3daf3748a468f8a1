using System.Runtime.InteropServices;

namespace PanguCluster.Model.Decoding;

/// <summary>
/// Which KV block holds which tokens after which tokens. A content is named by a number that is given out once; a block's content is the
/// content before it and its 64 tokens, and a hit compares both. So equal numbers mean equal tokens from position 0 on, by induction and
/// without trust in a hash: the hash only finds the place to look. Allocates at construction only.
/// </summary>
internal sealed class PrefixIndex
{
    /// <summary>The content before the first block.</summary>
    public const long Root = 0;

    private const int Nobody = -1;

    private readonly int[] _tokens; // [block, 64]
    private readonly long[] _before; // [block] content of the block before
    private readonly long[] _content; // [block] Root: not in the index
    private readonly int[] _next; // [block] next one in the same bucket
    private readonly int[] _buckets;
    private long _last = Root;

    public PrefixIndex(int blocks)
    {
        _tokens = new int[checked(blocks * KvBlockPool.BlockPositions)];
        _before = new long[blocks];
        _content = new long[blocks];
        _next = new int[blocks];
        _buckets = new int[blocks];
        Array.Fill(_buckets, Nobody);
    }

    /// <summary><see cref="Root"/>: the block is not in the index.</summary>
    public long ContentOf(int block) => _content[block];

    /// <param name="before">Content of the block before.</param>
    /// <param name="tokens">[64].</param>
    /// <returns>The block, or -1.</returns>
    public int Find(long before, ReadOnlySpan<int> tokens)
    {
        for (int block = _buckets[Bucket(before, tokens)]; block != Nobody; block = _next[block])
            if (_before[block] == before && TokensOf(block).SequenceEqual(tokens))
                return block;
        return Nobody;
    }

    /// <summary>Enters a block that is not in the index under a content that is not in it.</summary>
    public void Add(int block, long before, ReadOnlySpan<int> tokens)
    {
        tokens.CopyTo(TokensOf(block));
        _before[block] = before;
        _content[block] = ++_last;
        ref int bucket = ref _buckets[Bucket(before, tokens)];
        _next[block] = bucket;
        bucket = block;
    }

    public void Remove(int block)
    {
        ref int link = ref _buckets[Bucket(_before[block], TokensOf(block))];
        while (link != block)
            link = ref _next[link];
        link = _next[block];
        _content[block] = Root;
    }

    private Span<int> TokensOf(int block) => _tokens.AsSpan(block * KvBlockPool.BlockPositions, KvBlockPool.BlockPositions);

    // HashCode is seeded anew in every process, so nobody can choose prompts that all fall into one bucket; no result depends on it.
    private int Bucket(long before, ReadOnlySpan<int> tokens)
    {
        var hash = new HashCode();
        hash.Add(before);
        hash.AddBytes(MemoryMarshal.AsBytes(tokens));
        return (int)((uint)hash.ToHashCode() % (uint)_buckets.Length);
    }
}
