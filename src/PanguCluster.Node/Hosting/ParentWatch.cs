using PanguCluster.Node.Launch;

namespace PanguCluster.Node.Hosting;

/// <summary>
/// Ties a child's life to its parent's: the parent holds the other end of the child's standard input, and the kernel closes it
/// however the parent ends, SIGKILL included.
/// </summary>
public static class ParentWatch
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    /// <summary>Cancels <paramref name="ends"/> when the stream ends. What comes before that is ignored.</summary>
    public static void CancelAtEnd(Stream input, CancellationTokenSource ends)
    {
        var watcher = new Thread(() =>
        {
            var buffer = new byte[256];
            try
            {
                while (input.Read(buffer) > 0)
                {
                }
                ends.Cancel();
            }
            catch (Exception closed) when (closed is IOException or ObjectDisposedException)
            {
                // The stream broke, or the node ended first and its token source is gone: either way there is nobody left to watch for.
            }
        })
        { IsBackground = true, Name = "parent watch" };
        watcher.Start();
    }

    /// <summary>Cancels <paramref name="ends"/> when a process that is not the parent has ended: at most <see cref="Poll"/> later.</summary>
    public static void CancelWithProcess(int processId, CancellationTokenSource ends)
    {
        var mark = ProcessMark.Of(processId);
        var watcher = new Thread(() =>
        {
            while (mark?.IsAlive == true)
                if (ends.Token.WaitHandle.WaitOne(Poll))
                    return;
            try
            {
                ends.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The node ended first.
            }
        })
        { IsBackground = true, Name = "process watch" };
        watcher.Start();
    }
}
