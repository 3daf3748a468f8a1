using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Net.Client;
using Pangu.V1;

namespace PanguCluster.Client;

/// <summary>
/// A client of a PanguCluster, over one or several of its nodes: a call goes to the first node that can be reached. Safe for use by
/// many callers at once.
/// </summary>
/// <remarks>Calls end with <see cref="RpcException"/>, whose status says what is wrong; see the comments in <c>generation.proto</c>.</remarks>
public sealed class PanguClient : IDisposable
{
    private readonly IReadOnlyList<Endpoint> _endpoints;

    /// <summary>The node that answered last; calls start there.</summary>
    private int _preferred;

    /// <param name="servers">gRPC addresses of nodes, <c>host:port</c> or <c>http://host:port</c>, at least one, tried in this order.</param>
    /// <exception cref="ArgumentException">No server, or one that is no address.</exception>
    public PanguClient(params IReadOnlyList<string> servers) : this(new PanguClientOptions(), servers)
    {
    }

    /// <inheritdoc cref="PanguClient(IReadOnlyList{string})"/>
    /// <param name="options">Credentials and trust.</param>
    /// <param name="servers">As above; <c>https://host:port</c> too.</param>
    /// <exception cref="ArgumentException">As above, or a file that cannot be used, or an API key for a server without TLS elsewhere.</exception>
    public PanguClient(PanguClientOptions options, params IReadOnlyList<string> servers)
    {
        if (servers.Count == 0)
            throw new ArgumentException("At least one server address is needed.", nameof(servers));
        _endpoints = [.. servers.Select(server => Endpoint.Open(server, options))];
    }

    /// <summary>The servers as given.</summary>
    public IReadOnlyList<string> Servers => [.. _endpoints.Select(e => e.Address)];

    /// <summary>Streams one answer: accepted, tokens, finished. Leaving the loop or cancelling ends the sequence on the server, unless it is detached.</summary>
    public IAsyncEnumerable<GenerateEvent> GenerateAsync(GenerateRequest request, CancellationToken cancellation = default) =>
        StreamAsync((e, stop) => e.Generation.Generate(request, cancellationToken: stop), cancellation);

    /// <summary>What is left of a session, from the indices that the request names.</summary>
    public IAsyncEnumerable<GenerateEvent> ResumeAsync(ResumeRequest request, CancellationToken cancellation = default) =>
        StreamAsync((e, stop) => e.Generation.Resume(request, cancellationToken: stop), cancellation);

    /// <summary>Ends a session of this caller's.</summary>
    public Task CancelAsync(string sessionId, CancellationToken cancellation = default) =>
        UnaryAsync(e => e.Generation.CancelAsync(new CancelRequest { SessionId = sessionId }, cancellationToken: cancellation));

    /// <summary>Recorded sessions, newest first; for operators, like the two below.</summary>
    public Task<ListSessionsResponse> ListSessionsAsync(ListSessionsRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(e => e.Operator.ListSessionsAsync(request, cancellationToken: cancellation));

    /// <summary>Has a recorded session computed again and compared; the last message says how it ended.</summary>
    public IAsyncEnumerable<VerifyProgress> VerifySessionAsync(string sessionId, CancellationToken cancellation = default) =>
        StreamAsync((e, stop) => e.Operator.VerifySession(new VerifySessionRequest { SessionId = sessionId }, cancellationToken: stop), cancellation);

    /// <summary>Ends anybody's session.</summary>
    public Task<CancelSessionResponse> CancelSessionAsync(string sessionId, CancellationToken cancellation = default) =>
        UnaryAsync(e => e.Operator.CancelSessionAsync(new CancelSessionRequest { SessionId = sessionId }, cancellationToken: cancellation));

    /// <summary>The ids that Generate feeds to the model for this text.</summary>
    public async Task<IReadOnlyList<int>> TokenizeAsync(string text, CancellationToken cancellation = default) =>
        (await UnaryAsync(e => e.Generation.TokenizeAsync(new TokenizeRequest { Text = text }, cancellationToken: cancellation))
            .ConfigureAwait(false)).TokenIds;

    /// <summary>The ids that Generate feeds to the model for this conversation.</summary>
    public async Task<IReadOnlyList<int>> TokenizeAsync(Chat chat, CancellationToken cancellation = default) =>
        (await UnaryAsync(e => e.Generation.TokenizeAsync(new TokenizeRequest { Chat = chat }, cancellationToken: cancellation))
            .ConfigureAwait(false)).TokenIds;

    public async Task<string> DetokenizeAsync(IEnumerable<int> tokenIds, CancellationToken cancellation = default) =>
        (await UnaryAsync(e => e.Generation.DetokenizeAsync(new DetokenizeRequest { TokenIds = { tokenIds } }, cancellationToken: cancellation))
            .ConfigureAwait(false)).Text;

    public Task<GetModelResponse> GetModelAsync(CancellationToken cancellation = default) =>
        UnaryAsync(e => e.Generation.GetModelAsync(new GetModelRequest(), cancellationToken: cancellation));

    /// <summary>The cluster as the answering node sees it.</summary>
    public Task<ClusterState> GetClusterAsync(CancellationToken cancellation = default) =>
        UnaryAsync(e => e.Operator.GetClusterAsync(new GetClusterRequest(), cancellationToken: cancellation));

    public void Dispose()
    {
        foreach (var endpoint in _endpoints)
            endpoint.Channel.Dispose();
    }

    private async IAsyncEnumerable<T> StreamAsync<T>(
        Func<Endpoint, CancellationToken, AsyncServerStreamingCall<T>> start, [EnumeratorCancellation] CancellationToken cancellation)
    {
        for (int attempt = 0; ; attempt++)
        {
            var endpoint = At(attempt);
            using var call = start(endpoint, cancellation);
            // Only a call that has brought nothing yet may go to the next node: here it has.
            if (!await FirstAsync(call, attempt, cancellation).ConfigureAwait(false))
                continue;
            Prefer(endpoint);
            do
                yield return call.ResponseStream.Current;
            while (await call.ResponseStream.MoveNext(cancellation).ConfigureAwait(false));
            yield break;
        }
    }

    private async Task<T> UnaryAsync<T>(Func<Endpoint, AsyncUnaryCall<T>> start)
    {
        for (int attempt = 0; ; attempt++)
        {
            var endpoint = At(attempt);
            try
            {
                using var call = start(endpoint);
                var answer = await call.ResponseAsync.ConfigureAwait(false);
                Prefer(endpoint);
                return answer;
            }
            catch (RpcException down) when (MayTryNext(down, attempt))
            {
            }
        }
    }

    /// <summary>Whether the call brought its first event. False: this node is unavailable and another is left to try.</summary>
    private async Task<bool> FirstAsync<T>(AsyncServerStreamingCall<T> call, int attempt, CancellationToken cancellation)
    {
        try
        {
            return await call.ResponseStream.MoveNext(cancellation).ConfigureAwait(false)
                ? true
                : throw new RpcException(new Status(StatusCode.Internal, "the server ended the stream without an event"));
        }
        catch (RpcException down) when (MayTryNext(down, attempt))
        {
            return false;
        }
    }

    private bool MayTryNext(RpcException failure, int attempt) =>
        failure.StatusCode == StatusCode.Unavailable && attempt + 1 < _endpoints.Count;

    private Endpoint At(int attempt) => _endpoints[(Volatile.Read(ref _preferred) + attempt) % _endpoints.Count];

    private void Prefer(Endpoint endpoint)
    {
        for (int i = 0; i < _endpoints.Count; i++)
            if (ReferenceEquals(_endpoints[i], endpoint))
                Volatile.Write(ref _preferred, i);
    }

    private sealed record Endpoint(string Address, GrpcChannel Channel, Generation.GenerationClient Generation, Operator.OperatorClient Operator)
    {
        public static Endpoint Open(string address, PanguClientOptions options)
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
                    ConnectTimeout = TimeSpan.FromSeconds(5),
                    KeepAlivePingDelay = TimeSpan.FromSeconds(15),
                    KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
                }, uri, options),
                DisposeHttpClient = true,
            });
            return new Endpoint(address, channel, new Generation.GenerationClient(channel), new Operator.OperatorClient(channel));
        }
    }
}
