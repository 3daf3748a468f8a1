using PanguCluster.Node.Options;
using Xunit;

namespace PanguCluster.Node.Tests.Options;

public class DurationTests
{
    [Theory]
    [InlineData("30s", 30.0)]
    [InlineData("0", 0.0)]
    [InlineData("1.5m", 90.0)]
    [InlineData("24h", 86400.0)]
    [InlineData("7d", 604800.0)]
    [InlineData("12", 12.0)]
    [InlineData("", null)]
    [InlineData("s", null)]
    [InlineData("-1s", null)]
    [InlineData("NaN", null)]
    [InlineData("3651d", null)]
    [InlineData("5 minutes", null)]
    public void Duration_should_read_what_people_write(string text, double? seconds) =>
        Assert.Equal(seconds, Duration.Parse(text)?.TotalSeconds);
}
