using Grpc.Net.Client;
using Pangu.V1;

namespace PanguCluster.Client.Connections;

/// <summary>The way to one server. Connects when it is first used, and again when the connection broke.</summary>
/// <param name="Address">As the caller wrote it.</param>
internal sealed record ServerConnection(
    string Address, GrpcChannel Channel, Generation.GenerationClient Generation, Operator.OperatorClient Operator) : IDisposable
{
    /// <exception cref="ArgumentException">No address, or options that do not fit it.</exception>
    public static ServerConnection Open(string address, PanguClientOptions options)
    {
        bool bare = !address.Contains("://", StringComparison.Ordinal);
        string url = bare ? (options.MeansTls ? "https://" : "http://") + address : address;
        // A bare name without a port would silently mean port 80.
        bool namesPort = !bare || (address.LastIndexOf(':') is var colon and > 0 && ushort.TryParse(address.AsSpan(colon + 1), out _));
        if (!namesPort || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            throw new ArgumentException($"'{address}' is no server address: expected HOST:PORT, like 127.0.0.1:7440.");
        // More streams than one connection takes open another; pings notice a peer that is gone without a word.
        var channel = GrpcChannel.ForAddress(uri, new GrpcChannelOptions
        {
            HttpHandler = SecureChannel.Secure(new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                ConnectTimeout = options.ConnectTimeout,
                KeepAlivePingDelay = options.KeepAliveInterval,
                KeepAlivePingTimeout = options.KeepAliveTimeout,
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            }, uri, options),
            DisposeHttpClient = true,
            LoggerFactory = options.LoggerFactory,
        });
        return new ServerConnection(address, channel, new Generation.GenerationClient(channel), new Operator.OperatorClient(channel));
    }

    public void Dispose() => Channel.Dispose();
}
