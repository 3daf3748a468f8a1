using PanguCluster.Actors.Experts;
using PanguCluster.Node.Options;
using Xunit;

namespace PanguCluster.Node.Tests.Options;

public sealed class WeightMemoryTests
{
    [Theory]
    [InlineData("MemTotal:       100 kB\nMemAvailable:   42 kB\n", "MemAvailable:", 42L * 1024)]
    [InlineData("RssAnon:\t    7 kB", "RssAnon:", 7L * 1024)]
    [InlineData("MemAvailable:   x kB", "MemAvailable:", null)]
    [InlineData("", "MemAvailable:", null)]
    public void Field_should_be_read_where_it_is(string text, string field, long? bytes) => Assert.Equal(bytes, WeightMemory.Parse(text, field));

    [Theory]
    [InlineData(1000L, 100L, 5000L, 1000L)]
    [InlineData(9000L, 100L, 5000L, 4900L)]
    [InlineData(null, null, 5000L, 5000L)]
    [InlineData(9000L, 6000L, 5000L, 0L)]
    public void Memory_should_be_the_less_of_what_the_machine_and_the_limit_leave(long? available, long? own, long limit, long expected) =>
        Assert.Equal(expected, WeightMemory.Available(available, own, limit));

    [Fact]
    public void Options_should_be_checked()
    {
        var options = ServeOptions.From(new ServeOverrides());
        Assert.Equal((WarmMode.Auto, null), (options.Warm, options.MaxGroups));
        Assert.Equal((WarmMode.Off, 4), (ServeOptions.From(new ServeOverrides { Warm = "off" }).Warm, ServeOptions.From(new ServeOverrides { MaxGroups = 4 }).MaxGroups));
        Assert.Contains("--warm hot: expected auto, on or off", Refusal(new ServeOverrides { Warm = "hot" }), StringComparison.Ordinal);
        Assert.Contains("--max-groups 0: expected 1 .. 1024", Refusal(new ServeOverrides { MaxGroups = 0 }), StringComparison.Ordinal);

        static string Refusal(ServeOverrides said) => Assert.Throws<OptionException>(() => ServeOptions.From(said)).Message;
    }
}
