using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace PanguCluster.Node.Security;

/// <summary>What one connection, and all together, may take of the edge before a request has said who it is from.</summary>
public static class EdgeLimits
{
    /// <summary>Bytes of one request's body: twice what a message may have, so that the service's own limit, which is told better, comes first.</summary>
    public const int BodyBytes = 2 * Services.RequestLimits.MessageBytes;

    public const int HeaderBytes = 16 << 10;
    public const int Headers = 64;
    public const int Connections = 4096;

    /// <summary>Header lines that take longer are a slow-loris client's; so is a handshake.</summary>
    public static readonly TimeSpan HeaderTime = TimeSpan.FromSeconds(5);

    /// <summary>A connection without a request is closed after this.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);

    /// <summary>Slower bodies, and readers, are cut off after the grace.</summary>
    private static readonly MinDataRate SlowestBody = new(bytesPerSecond: 1024, gracePeriod: TimeSpan.FromSeconds(5));
    private static readonly MinDataRate SlowestReader = new(bytesPerSecond: 64, gracePeriod: TimeSpan.FromSeconds(10));

    internal static void Apply(KestrelServerLimits limits)
    {
        limits.MaxRequestBodySize = BodyBytes;
        limits.MaxRequestHeadersTotalSize = HeaderBytes;
        limits.MaxRequestHeaderCount = Headers;
        limits.MaxConcurrentConnections = Connections;
        limits.RequestHeadersTimeout = HeaderTime;
        limits.KeepAliveTimeout = Idle;
        limits.MinRequestBodyDataRate = SlowestBody;
        limits.MinResponseDataRate = SlowestReader;
        limits.Http2.MaxRequestHeaderFieldSize = HeaderBytes;
    }
}
