using PanguCluster.Actors.Placement.Node;
using PanguCluster.Actors.Tests.Nodes;
using Xunit;

namespace PanguCluster.Actors.Tests.Placement;

public sealed class DoubleIdWatchTests
{
    [Fact]
    public void Node_should_go_only_when_one_elder_has_its_id_all_the_time()
    {
        var time = new ManualTime();
        var watch = new DoubleIdWatch(time, TimeSpan.FromSeconds(10));
        bool After(double seconds, string? elder)
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            return watch.Follow(elder);
        }
        Assert.False(After(100, null));
        Assert.False(After(100, "a"));
        Assert.False(After(9, "a"));
        // An earlier life of this node, gone by now; then another one.
        Assert.False(After(2, null));
        Assert.False(After(2, "a"));
        Assert.False(After(9, "b"));
        Assert.False(After(9.9, "b"));
        Assert.True(After(0.1, "b"));
        Assert.True(After(1, "b"));
    }
}
