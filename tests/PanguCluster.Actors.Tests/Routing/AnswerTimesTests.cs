using PanguCluster.Actors.Routing;
using Xunit;

namespace PanguCluster.Actors.Tests.Routing;

/// <summary>Times in microseconds.</summary>
public sealed class AnswerTimesTests
{
    private static readonly HedgeOptions Options = HedgeOptions.Default;
    private readonly AnswerTimes _times = new(Options, 1_000_000);

    private static long Unknown => (long)Options.Unknown.TotalMicroseconds;
    private static long Floor => (long)Options.Floor.TotalMicroseconds;

    private void Add(int work, long time, int times)
    {
        for (int i = 0; i < times; i++)
            _times.Add(work, time);
    }

    [Fact]
    public void Deadline_should_be_generous_until_enough_answers_of_that_much_work_are_known()
    {
        Add(8, 20_000, Options.EnoughAnswers - 1);
        Assert.Equal(Unknown, _times.Deadline(8));
        Add(8, 20_000, 1);
        Assert.InRange(_times.Deadline(8), 40_000, 45_000);
        Assert.Equal(Unknown, _times.Deadline(64));
    }

    [Fact]
    public void Deadline_should_not_be_below_the_floor()
    {
        Add(8, 50, 1024);
        Assert.Equal(Floor, _times.Deadline(8));
    }

    [Fact]
    public void Deadline_should_follow_the_slowest_of_a_thousand_and_no_rarer_ones()
    {
        Add(8, 10_000, 8000);
        Assert.InRange(_times.Deadline(8), 20_000, 22_500);
        Add(8, 500_000, 4);
        Add(8, 10_000, 64);
        Assert.InRange(_times.Deadline(8), 20_000, 22_500);
        Add(8, 500_000, 40);
        Add(8, 10_000, 64);
        Assert.InRange(_times.Deadline(8), 1_000_000, 1_125_000);
    }

    [Fact]
    public void Deadline_should_come_down_again_when_slow_answers_are_long_past()
    {
        Add(8, 500_000, 1000);
        Add(8, 10_000, 100_000);
        Assert.InRange(_times.Deadline(8), 20_000, 22_500);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(-5L)]
    [InlineData(long.MaxValue / 2)]
    public void Times_should_take_any_answer(long time)
    {
        Add(int.MaxValue, time, 1024);
        Assert.True(_times.Deadline(int.MaxValue) >= Floor);
    }

    [Fact]
    public void Times_should_allocate_nothing_when_used()
    {
        Add(8, 100, 1024);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Add(8, 100, 20_000);
        Assert.True(_times.Deadline(8) > 0);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Budget_should_allow_a_burst_and_then_a_share_of_the_layers()
    {
        var budget = new HedgeBudget(Options);
        int Spend(int layers) => Enumerable.Range(0, layers).Count(_ =>
        {
            budget.Earn();
            return budget.TrySpend();
        });

        Assert.Equal(Options.Burst, Spend(Options.Burst + 1));
        Assert.InRange(Spend(10_000), 199, 201);
    }
}
