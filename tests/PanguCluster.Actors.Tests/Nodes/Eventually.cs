using Xunit;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>Waits for a condition, with a limit that only a hang reaches.</summary>
public static class Eventually
{
    public static async Task Holds(Func<bool> condition, string what, int seconds = 15)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition())
        {
            if (limit.IsCancellationRequested)
                Assert.Fail($"not within {seconds} s: {what}");
            await timer.WaitForNextTickAsync();
        }
    }
}
