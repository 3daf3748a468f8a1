namespace PanguCluster.Node.Hosting;

/// <summary>
/// Ties a child's life to its parent's: the parent holds the other end of the child's standard input, and the kernel closes it
/// however the parent ends, SIGKILL included.
/// </summary>
public static class ParentWatch
{
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
}
