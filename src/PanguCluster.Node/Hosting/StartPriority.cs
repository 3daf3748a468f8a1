using PanguCluster.Actors.Placement;
using PanguCluster.Native;

namespace PanguCluster.Node.Hosting;

/// <summary>
/// A node that starts where others serve leaves them the CPU until it joins them: compiling takes seconds of it, and nobody waits for that. From then on it is a
/// node like any other, so that what it is given is not computed slowly.
/// </summary>
public static class StartPriority
{
    /// <summary>A node that cannot join within this has another trouble than its start.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    /// <param name="nice">0: the priority stays as it is.</param>
    public static LowPriority? Take(int nice, TextWriter error)
    {
        if (nice == 0)
            return null;
        var taken = LowPriority.Take(nice);
        if (taken is null)
            error.WriteLine($"pangu serve: --start-nice {nice}: left alone, since this user could not raise the priority again (that takes CAP_SYS_NICE)");
        return taken;
    }

    /// <summary>Gives the priority back when the node joins, and in any case after a minute or at <paramref name="stop"/>.</summary>
    public static async Task GiveBackAsync(LowPriority taken, IClusterView view, string nodeId, TimeProvider time, CancellationToken stop)
    {
        long begun = time.GetTimestamp();
        while (!IsMember(view.Current, nodeId) && time.GetElapsedTime(begun) < Longest && !stop.IsCancellationRequested)
            await Task.Delay(Poll, time, CancellationToken.None).ConfigureAwait(false);
        taken.Dispose();
    }

    private static bool IsMember(ClusterSnapshot cluster, string nodeId) => cluster.Nodes.Any(n => n.Id == nodeId);
}
