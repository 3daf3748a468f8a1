using PanguCluster.Chaos.Load;
using Xunit;

namespace PanguCluster.Chaos.Tests;

public class TimelineTests
{
    [Fact]
    public void StallAfter_should_count_from_the_fault_to_the_end_of_the_longest_silence_near_it()
    {
        var stream = Of(0.90, 1.10, 1.15, 1.75, 1.80, 4.00);
        var stall = stream.StallAfter(1.0, 1.5, double.MaxValue)!.Value;
        Assert.Equal(0.60, stall.Silence, 6);
        Assert.Equal(0.75, stall.NextToken, 6);
    }

    [Fact]
    public void StallAfter_should_take_the_worst_choice()
    {
        var stream = Of(0.9, 1.1, 1.2);
        stream.Token(1, 0.95);
        stream.Token(1, 1.95);
        Assert.Equal(0.95, stream.StallAfter(1.0, 2.0, double.MaxValue)!.Value.Silence, 6);
    }

    [Fact]
    public void StallAfter_should_say_nothing_of_a_stream_that_did_not_run_at_the_fault() =>
        Assert.Null(Of(2.0, 2.1, 2.2).StallAfter(1.0, 1.5, double.MaxValue));

    private static Timeline Of(params double[] tokens)
    {
        var stream = new Timeline();
        foreach (double at in tokens)
            stream.Token(0, at);
        return stream;
    }
}
