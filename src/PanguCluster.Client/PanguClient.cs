using System.Runtime.CompilerServices;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client.Connections;
using PanguCluster.Client.Streaming;

namespace PanguCluster.Client;

/// <summary>
/// A client of a PanguCluster, over one or several of its nodes. An answer outlives the node it comes from: when the connection breaks,
/// it goes on at another node from the next token, without loss or repeat. Safe for use by many callers at once; keep one per program.
/// </summary>
/// <remarks>
/// Calls that cannot succeed end with <see cref="PanguException"/>, cancelled ones with <see cref="OperationCanceledException"/>.
/// Cancelling, or leaving the loop, ends the answer on the server. How long the client tries is told by <see cref="PanguClientOptions"/>.
/// </remarks>
public sealed partial class PanguClient : IDisposable, IAsyncDisposable
{
    /// <summary>Name of the <see cref="System.Diagnostics.Metrics.Meter"/> of all clients.</summary>
    public const string MeterName = "PanguCluster.Client";

    private readonly ServerSet _servers;

    /// <param name="servers">
    /// gRPC addresses of nodes, <c>host:port</c>, <c>http://host:port</c> or <c>https://host:port</c>, at least one. Calls start at each in turn.
    /// </param>
    /// <exception cref="ArgumentException">No server, or one that is no address.</exception>
    public PanguClient(params IReadOnlyList<string> servers) : this(new PanguClientOptions(), servers)
    {
    }

    /// <inheritdoc cref="PanguClient(IReadOnlyList{string})"/>
    /// <param name="options">Credentials, trust and limits.</param>
    /// <param name="servers">As above.</param>
    /// <exception cref="ArgumentException">As above, or a file that cannot be used, or an API key for a server without TLS elsewhere.</exception>
    public PanguClient(PanguClientOptions options, params IReadOnlyList<string> servers) => _servers = new ServerSet(options, servers);

    /// <summary>Raised when an answer that was cut off goes on, on the thread that reads it, before the event that it goes on with.</summary>
    public event Action<Recovery>? Recovered;

    /// <summary>The servers as given.</summary>
    public IReadOnlyList<string> Servers => [.. _servers.Connections.Select(c => c.Address)];

    /// <summary>A client of these servers. Nothing is connected before the first call.</summary>
    /// <inheritdoc cref="PanguClient(IReadOnlyList{string})" path="/param"/>
    /// <exception cref="ArgumentException">No server, or one that is no address.</exception>
    public static PanguClient Connect(params IReadOnlyList<string> servers) => new(servers);

    /// <inheritdoc cref="Connect(IReadOnlyList{string})"/>
    public static PanguClient Connect(PanguClientOptions options, params IReadOnlyList<string> servers) => new(options, servers);

    /// <summary>Streams an answer, token by token.</summary>
    /// <param name="prompt">A text, or <see cref="PromptInput.Chat"/>, or <see cref="PromptInput.TokenIds"/>.</param>
    public async IAsyncEnumerable<AnswerPiece> GenerateAsync(
        PromptInput prompt, GenerateOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        options ??= new GenerateOptions();
        await foreach (var happened in Stream(options.ToRequest(prompt), options.Timeout, cancellation).ConfigureAwait(false))
            if (AnswerPiece.Of(happened) is { } piece)
                yield return piece;
    }

    /// <summary>Streams all events of an answer: accepted, the prompt if it is echoed, tokens, and the end of every choice.</summary>
    /// <param name="request">Not changed. Without a session id or a seed it gets both: <c>accepted</c> tells them.</param>
    /// <param name="timeout">As <see cref="GenerateOptions.Timeout"/>.</param>
    public IAsyncEnumerable<GenerateEvent> GenerateAsync(GenerateRequest request, TimeSpan? timeout, CancellationToken cancellation = default) =>
        Stream(request, timeout, cancellation);

    /// <inheritdoc cref="GenerateAsync(GenerateRequest, TimeSpan?, CancellationToken)"/>
    public IAsyncEnumerable<GenerateEvent> GenerateAsync(GenerateRequest request, CancellationToken cancellation = default) =>
        Stream(request, null, cancellation);

    /// <summary>The whole answer, of all choices.</summary>
    /// <inheritdoc cref="GenerateAsync(PromptInput, GenerateOptions, CancellationToken)" path="/param"/>
    public Task<Completion> CompleteAsync(PromptInput prompt, GenerateOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new GenerateOptions();
        return Completion.OfAsync(Stream(options.ToRequest(prompt), options.Timeout, cancellation));
    }

    /// <summary>Goes on with a session from the given index of every choice, whether it runs, was interrupted or has ended.</summary>
    /// <exception cref="PanguException">NOT_FOUND: no such session, or another key's; OUT_OF_RANGE: the answer is shorter.</exception>
    public IAsyncEnumerable<GenerateEvent> ResumeAsync(string sessionId, int nextIndex = 0, CancellationToken cancellation = default) =>
        ResumeAsync(sessionId, [nextIndex], cancellation);

    /// <summary>Goes on with a session from the given indices, choice by choice.</summary>
    /// <param name="nextIndices">As many as the session has choices; a single one serves all of them.</param>
    /// <inheritdoc cref="ResumeAsync(string, int, CancellationToken)" path="/exception"/>
    public IAsyncEnumerable<GenerateEvent> ResumeAsync(
        string sessionId, IReadOnlyList<int> nextIndices, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(sessionId);
        if (nextIndices.Count == 0 || nextIndices.Any(i => i < 0))
            throw new ArgumentException("At least one index is needed, and none below 0.", nameof(nextIndices));
        return Stream(null, () => StreamProgress.From(sessionId, [.. nextIndices]), null, cancellation);
    }

    /// <summary>What is left of a session, from the indices that the request names.</summary>
    /// <inheritdoc cref="ResumeAsync(string, int, CancellationToken)" path="/exception"/>
    public IAsyncEnumerable<GenerateEvent> ResumeAsync(ResumeRequest request, CancellationToken cancellation = default) =>
        Stream(null, () => StreamProgress.From(request.SessionId, request.NextIndices.Count > 0 ? [.. request.NextIndices] : [request.NextIndex]), null, cancellation);

    /// <summary>Ends a session: its streams end with reason <c>cancelled</c>.</summary>
    /// <exception cref="PanguException">NOT_FOUND: no such session, or another key's.</exception>
    public Task CancelAsync(string sessionId, CancellationToken cancellation = default) =>
        AskAsync((e, c) => e.Generation.CancelAsync(new CancelRequest { SessionId = sessionId }, cancellationToken: c), cancellation);

    /// <summary>The ids that Generate feeds to the model for this text.</summary>
    public async Task<IReadOnlyList<int>> TokenizeAsync(string text, CancellationToken cancellation = default) =>
        (await AskAsync((e, c) => e.Generation.TokenizeAsync(new TokenizeRequest { Text = text }, cancellationToken: c), cancellation)
            .ConfigureAwait(false)).TokenIds;

    /// <summary>The ids that Generate feeds to the model for this conversation.</summary>
    public async Task<IReadOnlyList<int>> TokenizeAsync(Chat chat, CancellationToken cancellation = default) =>
        (await AskAsync((e, c) => e.Generation.TokenizeAsync(new TokenizeRequest { Chat = chat }, cancellationToken: c), cancellation)
            .ConfigureAwait(false)).TokenIds;

    /// <summary>The text of token ids. Bytes that are no UTF-8 become U+FFFD.</summary>
    public async Task<string> DetokenizeAsync(IEnumerable<int> tokenIds, CancellationToken cancellation = default)
    {
        var request = new DetokenizeRequest { TokenIds = { tokenIds } };
        return (await AskAsync((e, c) => e.Generation.DetokenizeAsync(request, cancellationToken: c), cancellation).ConfigureAwait(false)).Text;
    }

    /// <summary>What is served, and the limits of requests.</summary>
    public Task<GetModelResponse> GetModelAsync(CancellationToken cancellation = default) =>
        AskAsync((e, c) => e.Generation.GetModelAsync(new GetModelRequest(), cancellationToken: c), cancellation);

    /// <summary>Closes the connections. Answers under way end.</summary>
    public void Dispose() => _servers.Dispose();

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private IAsyncEnumerable<GenerateEvent> Stream(GenerateRequest request, TimeSpan? timeout, CancellationToken cancellation)
    {
        var named = GenerateOptions.Named(request);
        return Stream(named, () => StreamProgress.Of(named.SessionId, named.HasN ? named.N : 1), timeout, cancellation);
    }

    private async IAsyncEnumerable<GenerateEvent> Stream(
        GenerateRequest? request, Func<StreamProgress> progress, TimeSpan? timeout, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var deadline = timeout is { } time ? _servers.Options.Time.GetUtcNow() + time : (DateTimeOffset?)null;
        await using var stream = new AnswerStream(_servers, request, progress(), deadline, OnRecovered, cancellation);
        while (await stream.NextAsync().ConfigureAwait(false) is { } happened)
            yield return happened;
    }

    /// <summary>One question, at as many servers as it takes: asking twice does no harm.</summary>
    private async Task<T> AskAsync<T>(Func<ServerConnection, CancellationToken, AsyncUnaryCall<T>> ask, CancellationToken cancellation)
    {
        var attempts = new Attempts(_servers, _servers.Options.StartLimit, null);
        while (true)
        {
            int endpoint = await attempts.NextAsync(cancellation).ConfigureAwait(false);
            try
            {
                using var call = ask(_servers.Connections[endpoint], cancellation);
                var answer = await call.ResponseAsync.ConfigureAwait(false);
                attempts.Connected(endpoint);
                return answer;
            }
            catch (RpcException error)
            {
                cancellation.ThrowIfCancellationRequested();
                attempts.Failed(endpoint, CallFailure.Of(error));
            }
        }
    }

    private void OnRecovered(Recovery recovery) => Recovered?.Invoke(recovery);
}
