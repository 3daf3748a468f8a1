using PanguCluster.Native;

namespace PanguCluster.Node.Hosting;

/// <summary>A young node compiles for seconds what it runs already: beside others that serve on the same cores, and beside its own rows, that has time.</summary>
public static class CompilerPriority
{
    /// <summary>By then what is busy has been compiled.</summary>
    private static readonly TimeSpan Young = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    /// <summary>Keeps the runtime's compiler at a low priority for a minute, or until <paramref name="stop"/>.</summary>
    public static async Task KeepLowAsync(TimeProvider time, CancellationToken stop)
    {
        long begun = time.GetTimestamp();
        while (time.GetElapsedTime(begun) < Young && !stop.IsCancellationRequested)
        {
            CompilerThreads.Lower();
            await Task.Delay(Poll, time, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
