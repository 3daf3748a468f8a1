namespace PanguCluster.Node.Hosting;

/// <summary>
/// Leaves signals to the command line, which cancels the command's token. The host's own lifetime would listen for them too, and
/// whichever came first would decide whether a stop looks asked for.
/// </summary>
public sealed class CommandLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
