using PanguCluster.Node.Console;

namespace PanguCluster.Node.Hosting;

/// <summary>
/// Ends the process when an orderly stop takes longer than it may. A node that hangs while stopping would keep its ports, and would
/// stay a member of its cluster, with nobody left who knows of it.
/// </summary>
public static class StopBackstop
{
    /// <summary>Longer than streams' grace, leaving the cluster and closing the host take together.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>From <paramref name="stop"/> on, the process has <see cref="Limit"/> and what draining may take left, unless the result is disposed before.</summary>
    public static IDisposable Arm(CancellationToken stop, TimeSpan drain, TextWriter error)
    {
        var limit = Limit + drain;
        Timer? timer = null;
        var registration = stop.Register(() => timer = new Timer(_ =>
        {
            error.WriteLine($"pangu serve: not stopped after {limit.TotalSeconds} s; ending the process");
            Environment.Exit(ExitCodes.Failed);
        }, null, limit, Timeout.InfiniteTimeSpan));
        return new Armed(() =>
        {
            registration.Dispose();
            timer?.Dispose();
        });
    }

    private sealed class Armed(Action disarm) : IDisposable
    {
        public void Dispose() => disarm();
    }
}
