using PanguCluster.Node.Options;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Options;

public class DecoderSizingTests
{
    /// <summary>2 (keys, values) x 64 positions x 2 layers x 2 heads of 16 x 4 bytes.</summary>
    private const long Block = 32768;

    [Fact]
    public void Cache_should_hold_a_full_context_of_every_sequence_when_memory_is_plenty()
    {
        var sized = DecoderSizing.Derive(TestModel.Manifest(), Options(), 64L << 30);

        Assert.Equal((2048, 64 * 32), (sized.MaxPositions, sized.KvBlocks));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("on", true)]
    [InlineData("off", false)]
    public void Prefixes_should_be_shared_unless_the_user_says_off(string? said, bool expected) =>
        Assert.Equal(expected, DecoderSizing.Derive(TestModel.Manifest(), Options(new ServeOverrides { PrefixCache = said }), 64L << 30).PrefixCache);

    [Fact]
    public void Cache_should_take_a_quarter_when_memory_is_short()
    {
        var sized = DecoderSizing.Derive(TestModel.Manifest(), Options(), 400 * Block);

        Assert.Equal((2048, 100), (sized.MaxPositions, sized.KvBlocks));
    }

    [Fact]
    public void Context_should_shrink_to_the_cache_when_the_cache_is_small()
    {
        var sized = DecoderSizing.Derive(TestModel.Manifest(), Options(new ServeOverrides { KvBlocks = 3 }), 1);

        Assert.Equal((192, 3), (sized.MaxPositions, sized.KvBlocks));
    }

    [Fact]
    public void Context_should_stay_sensible_when_the_model_takes_much_more()
    {
        var sized = DecoderSizing.Derive(TestModel.Manifest(maxPositions: 131072), Options(), 64L << 30);

        Assert.Equal(DecoderSizing.MaxDefaultContext, sized.MaxPositions);
    }

    [Fact]
    public void Wishes_should_be_refused_when_they_do_not_fit()
    {
        var tooLong = Assert.Throws<OptionException>(() => Derive(new ServeOverrides { ContextLength = 2049 }));
        var noBlock = Assert.Throws<OptionException>(() => Derive(new ServeOverrides { KvMemory = "1KiB" }));
        var noRoom = Assert.Throws<OptionException>(() => Derive(new ServeOverrides { ContextLength = 1024, KvBlocks = 15 }));

        Assert.Contains("at most 2048", tooLong.Message, StringComparison.Ordinal);
        Assert.Contains("--kv-memory", noBlock.Message, StringComparison.Ordinal);
        Assert.Contains("needs 16 KV blocks", noRoom.Message, StringComparison.Ordinal);
        Assert.Equal(1024, Derive(new ServeOverrides { ContextLength = 1024, KvBlocks = 16 }).MaxPositions);
    }

    private static Model.Decoding.DecoderOptions Derive(ServeOverrides said) => DecoderSizing.Derive(TestModel.Manifest(), Options(said), 1L << 30);

    private static ServeOptions Options(ServeOverrides? said = null) => ServeOptions.From(said ?? new ServeOverrides());
}
