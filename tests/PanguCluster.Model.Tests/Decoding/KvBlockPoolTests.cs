using FsCheck.Xunit;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Decoding;

public sealed class KvBlockPoolTests
{
    private const long Root = KvBlockPool.NoContent;

    [Fact]
    public void Pool_should_hand_out_every_block_once_and_then_refuse()
    {
        var pool = new KvBlockPool(5);
        int[] blocks = [.. Enumerable.Range(0, 5).Select(_ => pool.Take())];
        Assert.Equal([0, 1, 2, 3, 4], blocks.Order());
        Assert.Equal(0, pool.Free);
        Assert.Throws<InvalidOperationException>(() => pool.Take());
        pool.Return(3);
        Assert.Equal(3, pool.Take());
    }

    [Fact]
    public void Pool_should_refuse_a_block_when_it_is_returned_twice()
    {
        var pool = new KvBlockPool(2);
        int block = pool.Take();
        pool.Return(block);
        Assert.Throws<InvalidOperationException>(() => pool.Return(block));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(64, 1)]
    [InlineData(65, 2)]
    public void BlocksFor_should_round_up(int positions, int blocks) => Assert.Equal(blocks, KvBlockPool.BlocksFor(positions));

    [Fact]
    public void Pool_should_refuse_to_share_a_block_that_may_be_written_to()
    {
        var pool = new KvBlockPool(2);
        Assert.Throws<InvalidOperationException>(() => pool.Share(pool.Take()));
    }

    [Fact]
    public void Published_block_should_be_found_by_the_same_tokens_after_the_same_content_only()
    {
        var pool = new KvBlockPool(4);
        var (a, b) = (pool.Publish(pool.Take(), Root, Block(1)), pool.Take());
        b = pool.Publish(b, pool.ContentOf(a), Block(1));
        Assert.NotEqual(a, b);
        Assert.Equal(a, pool.Find(Root, Block(1)));
        Assert.Equal(b, pool.Find(pool.ContentOf(a), Block(1)));
        Assert.Equal(-1, pool.Find(pool.ContentOf(b), Block(1)));
        int[] other = Block(1);
        other[63]++;
        Assert.Equal(-1, pool.Find(Root, other));
    }

    [Fact]
    public void Published_block_should_replace_the_callers_when_the_content_is_there_already()
    {
        var pool = new KvBlockPool(2);
        int first = pool.Publish(pool.Take(), Root, Block(1));
        Assert.Equal(first, pool.Publish(pool.Take(), Root, Block(1)));
        Assert.Equal((2, 1, 0), (pool.HoldersOf(first), pool.Free, pool.Cached));
    }

    [Fact]
    public void Cached_blocks_should_go_out_after_empty_ones_and_least_recently_used_first()
    {
        var pool = new KvBlockPool(4);
        int[] blocks = [.. Enumerable.Range(1, 3).Select(i => pool.Publish(pool.Take(), Root, Block(i)))];
        foreach (int block in blocks)
            pool.Return(block);
        pool.Share(blocks[0]); // used again
        pool.Return(blocks[0]);
        Assert.Equal((4, 3), (pool.Free, pool.Cached));
        Assert.DoesNotContain(pool.Take(), blocks);
        Assert.Equal([blocks[1], blocks[2], blocks[0]], [pool.Take(), pool.Take(), pool.Take()]);
        Assert.Equal((0, 0), (pool.Free, pool.Cached));
        Assert.All(Enumerable.Range(1, 3), i => Assert.Equal(-1, pool.Find(Root, Block(i))));
    }

    /// <summary>Sequences over few different tokens come, grow and go; each prefix is found exactly while a plain table has it.</summary>
    [Property(MaxTest = 200)]
    public void Pool_should_keep_its_books_when_sequences_come_and_go(ulong seed)
    {
        const int Blocks = 12;
        var pool = new KvBlockPool(Blocks);
        var held = new List<(List<int> Blocks, string Text)>();
        var texts = new string?[Blocks]; // of every published block, its whole prefix
        for (int i = 0; i < 400; i++)
        {
            ulong draw = Philox.Draw53(seed, i, 0);
            int which = (int)(draw / 16 % 8);
            if (draw % 16 < 3 || which >= held.Count)
                held.Add(([], ""));
            else if (draw % 16 < 6)
                Drop(pool, held, which);
            else
                Grow(pool, held, which, texts, (int)(draw / 128 % 3));

            var holders = held.SelectMany(h => h.Blocks).GroupBy(b => b).ToDictionary(g => g.Key, g => g.Count());
            Assert.All(Enumerable.Range(0, Blocks), b => Assert.Equal(holders.GetValueOrDefault(b), pool.HoldersOf(b)));
            Assert.Equal(Blocks, pool.Free + holders.Count);
            var published = Enumerable.Range(0, Blocks).Where(b => pool.ContentOf(b) != Root).ToArray();
            Assert.Equal(published.Length - published.Count(holders.ContainsKey), pool.Cached);
            // What is published has all before it published, in one block each.
            Assert.Equal(published.Length, published.Select(b => texts[b]).Distinct().Count());
            Assert.All(published, b => Assert.True(texts[b]!.Length == 1 || published.Any(p => texts[p] == texts[b]![..^1])));
        }
        while (held.Count > 0)
            Drop(pool, held, 0);
        Assert.Equal(Blocks, pool.Free);
    }

    private static void Grow(KvBlockPool pool, List<(List<int> Blocks, string Text)> held, int which, string?[] texts, int token)
    {
        var (blocks, text) = held[which];
        long before = blocks.Count == 0 ? Root : pool.ContentOf(blocks[^1]);
        int found = pool.Find(before, Block(token));
        if (found >= 0)
        {
            Assert.Equal(text + token, texts[found]);
            pool.Share(found);
            blocks.Add(found);
        }
        else if (pool.Free > 0)
        {
            int block = pool.Take();
            texts[block] = text + token;
            blocks.Add(pool.Publish(block, before, Block(token)));
        }
        else
        {
            return;
        }
        held[which] = (blocks, text + token);
    }

    private static void Drop(KvBlockPool pool, List<(List<int> Blocks, string Text)> held, int which)
    {
        foreach (int block in Enumerable.Reverse(held[which].Blocks))
            pool.Return(block);
        held.RemoveAt(which);
    }

    private static int[] Block(int seed) => Requests.Tokens(KvBlockPool.BlockPositions, 75, seed);
}
