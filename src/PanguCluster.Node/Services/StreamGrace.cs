using Microsoft.Extensions.Hosting;

namespace PanguCluster.Node.Services;

/// <summary>How long running streams may go on after the node was told to stop; what is left then is cut.</summary>
public sealed class StreamGrace : IDisposable
{
    public static readonly TimeSpan Length = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _over = new();
    private readonly CancellationTokenRegistration _stopping;
    private ITimer? _timer;

    public StreamGrace(IHostApplicationLifetime lifetime, TimeProvider time)
    {
        Begun = lifetime.ApplicationStopping;
        _stopping = Begun.Register(() => _timer = time.CreateTimer(_ => _over.Cancel(), null, Length, Timeout.InfiniteTimeSpan));
    }

    /// <summary>Cancelled when the node was told to stop.</summary>
    public CancellationToken Begun { get; }

    /// <summary>Cancelled when the grace is over.</summary>
    public CancellationToken Over => _over.Token;

    public void Dispose()
    {
        _stopping.Dispose();
        _timer?.Dispose();
        _over.Dispose();
    }
}
