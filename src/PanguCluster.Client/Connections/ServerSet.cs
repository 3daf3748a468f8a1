using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PanguCluster.Client.Connections;

/// <summary>A client's servers and what its calls share: their health, the clock, the log.</summary>
internal sealed class ServerSet : IDisposable
{
    private const int JitterSteps = 1 << 20;
    private readonly long _origin;

    /// <exception cref="ArgumentException">No server, one that is no address, or options out of their range.</exception>
    public ServerSet(PanguClientOptions options, IReadOnlyList<string> servers)
    {
        options.Check();
        if (servers.Count == 0)
            throw new ArgumentException("At least one server address is needed.", nameof(servers));
        Options = options;
        Connections = [.. servers.Select(server => ServerConnection.Open(server, options))];
        Pool = new EndpointPool(servers.Count, options.FirstPause, options.LongestPause, Jitter);
        Log = options.LoggerFactory?.CreateLogger("PanguCluster.Client") ?? NullLogger.Instance;
        _origin = options.Time.GetTimestamp();
    }

    public PanguClientOptions Options { get; }
    public IReadOnlyList<ServerConnection> Connections { get; }
    public EndpointPool Pool { get; }
    public ILogger Log { get; }

    /// <summary>Time since the client was made.</summary>
    public TimeSpan Now => Options.Time.GetElapsedTime(_origin);

    public void Dispose()
    {
        foreach (var connection in Connections)
            connection.Dispose();
    }

    private static double Jitter() => RandomNumberGenerator.GetInt32(JitterSteps) / (double)JitterSteps;
}
