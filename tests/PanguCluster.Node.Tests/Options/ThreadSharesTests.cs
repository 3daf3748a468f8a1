using PanguCluster.Node.Options;
using Xunit;

namespace PanguCluster.Node.Tests.Options;

public sealed class ThreadSharesTests
{
    [Theory]
    [InlineData(1, 8, 1, 1, 1)]
    [InlineData(2, 8, 1, 2, 1)]
    [InlineData(8, 8, 1, 8, 1)]
    [InlineData(12, 8, 1, 8, 1)]
    [InlineData(16, 8, 1, 8, 2)]
    [InlineData(16, 8, 3, 3, 5)] // 3 groups here
    [InlineData(2, 1, 1, 1, 2)]
    public void Groups_should_run_side_by_side_and_in_teams_only_when_threads_are_left(int threads, int groups, int nodes, int experts, int group) =>
        Assert.Equal(new ThreadShares(threads, experts, group), ThreadShares.Of(threads, groups, nodes));

    [Fact]
    public void Groups_should_never_take_more_threads_than_the_node_has()
    {
        for (int threads = 1; threads <= ServeOptions.MaxThreads; threads++)
            foreach (int groups in (int[])[1, 2, 8, 64])
                for (int nodes = 1; nodes <= 9; nodes++)
                {
                    var shares = ThreadShares.Of(threads, groups, nodes);
                    Assert.InRange(shares.Experts * shares.Group, 1, threads);
                    Assert.InRange(shares.Experts, 1, groups);
                    Assert.InRange(shares.Group, 1, threads);
                }
    }
}
