using PanguCluster.Client.Connections;
using PanguCluster.Client.Streaming;
using Xunit;

namespace PanguCluster.Client.Tests.Connections;

public class RouteTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>Pauses of 100 ms, doubling to 1 s, with nothing drawn off.</summary>
    private static EndpointPool Pool(int count) => new(count, TimeSpan.FromMilliseconds(100), Second, () => 1);

    [Fact]
    public void Calls_should_start_at_each_server_in_turn()
    {
        var pool = Pool(3);

        Assert.Equal([0, 1, 2, 0], Enumerable.Range(0, 4).Select(_ => new CallRoute(pool).Next(TimeSpan.Zero).Endpoint));
    }

    [Fact]
    public void Server_should_rest_for_all_calls_when_it_is_lost_and_longer_every_time()
    {
        var pool = Pool(2);
        new CallRoute(pool).Lost(0, Second, hopeless: false);

        Assert.Equal((1, TimeSpan.Zero), new CallRoute(pool).Next(Second));
        Assert.Equal((1, TimeSpan.Zero), new CallRoute(pool).Next(Second));
        // A second stream of the same broken connection is no second failure.
        pool.Failed(0, Second);
        Assert.Equal(1.1, pool.RestsUntil(0).TotalSeconds, 6);
        pool.Failed(0, 2 * Second);
        Assert.Equal(2.2, pool.RestsUntil(0).TotalSeconds, 6);
        for (int i = 3; i < 60; i++)
            pool.Failed(0, i * Second);
        Assert.Equal(60, pool.RestsUntil(0).TotalSeconds, 6);
        pool.Answered(0);
        Assert.Equal(TimeSpan.Zero, pool.RestsUntil(0));
    }

    [Fact]
    public void Server_should_rest_for_one_call_only_when_it_refuses_that_call()
    {
        var pool = Pool(1);
        var refused = new CallRoute(pool);
        refused.Refused(0, Second, TimeSpan.FromSeconds(5));

        Assert.Equal((0, TimeSpan.FromSeconds(5)), refused.Next(Second));
        Assert.Equal((0, TimeSpan.Zero), new CallRoute(pool).Next(Second));
        refused.Progressed();
        Assert.Equal((0, TimeSpan.Zero), refused.Next(Second));
    }

    [Fact]
    public void Next_should_be_the_server_that_rests_least_when_all_do()
    {
        var route = new CallRoute(Pool(2));
        route.Refused(0, Second, TimeSpan.FromSeconds(2));
        Assert.Equal(1, route.Untried());
        route.Lost(1, Second, hopeless: false);

        Assert.Equal((1, TimeSpan.FromMilliseconds(100)), route.Next(Second));
        Assert.Null(route.Untried());
    }

    [Fact]
    public void Budget_should_add_up_the_time_without_a_server_and_forget_it_when_something_new_comes()
    {
        var budget = new RetryBudget(10 * Second);
        budget.CutOff(Second);
        budget.CutOff(2 * Second);
        Assert.Equal(7 * Second, budget.Left(4 * Second));
        budget.Connected(5 * Second);
        Assert.Equal(6 * Second, budget.Left(9 * Second));
        budget.CutOff(9 * Second);
        Assert.Equal(TimeSpan.Zero, budget.Left(15 * Second));
        budget.Progressed();
        Assert.Equal(10 * Second, budget.Left(99 * Second));
    }
}
