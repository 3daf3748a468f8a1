namespace PanguCluster.Node.Hosting;

/// <summary>
/// Leaves signals to the caller of the host. The framework's own lifetime listens to SIGTERM and SIGINT beside the command line, and where it
/// is first, a stop that was asked for looks like one that was not.
/// </summary>
internal sealed class CallerLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
