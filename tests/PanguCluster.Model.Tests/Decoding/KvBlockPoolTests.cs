using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Model.Tests.Decoding;

public sealed class KvBlockPoolTests
{
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
}
