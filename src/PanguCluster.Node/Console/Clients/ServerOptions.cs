using System.CommandLine;
using System.Globalization;
using System.Security.Authentication;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>The options that every verb that talks to a cluster shares, and the words for its failures.</summary>
public sealed class ServerOptions
{
    public Option<string[]> Servers { get; } = new("--server")
    {
        Description = "gRPC address of a node; given several times, the next one is tried when one is down",
        DefaultValueFactory = _ => [ServeOptions.DefaultGrpc],
        HelpName = "HOST:PORT",
    };

    private readonly Option<string> _timeout = new("--timeout")
    {
        Description = "give up after so long",
        DefaultValueFactory = _ => "10s",
        HelpName = "TIME",
    };

    private readonly Option<string?> _apiKey = new("--api-key")
    {
        Description = $"API key; better in the environment variable {ApiKeyVariable}, since other users can read a command line", HelpName = "KEY",
    };

    private readonly Option<string?> _ca = new("--ca") { Description = "PEM file of the authority that signs the servers' certificates", HelpName = "FILE" };
    private readonly Option<string?> _clientCert = new("--client-cert") { Description = "PEM certificate to show to the servers", HelpName = "FILE" };
    private readonly Option<string?> _clientKey = new("--client-key") { Description = "its private key", HelpName = "FILE" };

    private const string ApiKeyVariable = "PANGU_API_KEY";

    public void AddTo(Command command)
    {
        AddServersTo(command);
        command.Options.Add(_timeout);
    }

    /// <summary>Where the servers are and what to show them, without a time limit.</summary>
    public void AddServersTo(Command command)
    {
        foreach (Option option in (Option[])[Servers, _apiKey, _ca, _clientCert, _clientKey])
            command.Options.Add(option);
    }

    /// <exception cref="CommandFailedException">A server is no address.</exception>
    public PanguClient Open(ParseResult parsed) => Open(parsed.GetValue(Servers)!, Credentials(parsed));

    /// <summary>A client of the servers that were given, and behind them the other gateways of their cluster: one may be lost, or be told to go.</summary>
    public PanguClient OpenAll(ParseResult parsed, ClusterState cluster)
    {
        string[] given = parsed.GetValue(Servers)!;
        int scheme = given[0].IndexOf("://", StringComparison.Ordinal);
        string prefix = scheme < 0 ? "" : given[0][..(scheme + 3)];
        var others = cluster.Nodes.Where(n => n.GrpcAddress.Length > 0 && n.Status == "Up").Select(n => prefix + n.GrpcAddress).Except(given);
        try
        {
            return new PanguClient(Credentials(parsed) with { StartLimit = TimeSpan.Zero }, [.. given, .. others]);
        }
        catch (ArgumentException)
        {
            // An address that our credentials may not be sent to.
            return Open(parsed);
        }
    }

    private PanguClientOptions Credentials(ParseResult parsed) => new(
        parsed.GetValue(_apiKey) ?? Environment.GetEnvironmentVariable(ApiKeyVariable), parsed.GetValue(_ca), parsed.GetValue(_clientCert),
        parsed.GetValue(_clientKey));

    /// <exception cref="CommandFailedException">A server is no address.</exception>
    public static PanguClient Open(IReadOnlyList<string> servers, PanguClientOptions? options = null)
    {
        try
        {
            // Somebody waits at the terminal: what cannot start at any server is said at once.
            return new PanguClient((options ?? new PanguClientOptions()) with { StartLimit = TimeSpan.Zero }, servers);
        }
        catch (ArgumentException wrong)
        {
            throw new CommandFailedException(ExitCodes.Usage, "--server: " + wrong.Message);
        }
    }

    /// <summary>Runs one question with the verb's time limit.</summary>
    /// <exception cref="CommandFailedException">It cannot be answered.</exception>
    /// <exception cref="OptionException">--timeout is no time, or out of range.</exception>
    public Task<T> AskAsync<T>(ParseResult parsed, Func<PanguClient, CancellationToken, Task<T>> question, CancellationToken stop) => AskAsync(
        parsed, question, Duration.InRange("--timeout", parsed.GetValue(_timeout)!, TimeSpan.FromSeconds(0.1), TimeSpan.FromDays(1)), stop);

    /// <inheritdoc cref="AskAsync{T}(ParseResult, Func{PanguClient, CancellationToken, Task{T}}, CancellationToken)"/>
    public async Task<T> AskAsync<T>(
        ParseResult parsed, Func<PanguClient, CancellationToken, Task<T>> question, TimeSpan time, CancellationToken stop)
    {
        using var client = Open(parsed);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(time);
        try
        {
            return await question(client, limit.Token).ConfigureAwait(false);
        }
        catch (Exception late) when (
            !stop.IsCancellationRequested && limit.IsCancellationRequested && late is RpcException or OperationCanceledException)
        {
            throw new CommandFailedException(
                ExitCodes.TimedOut,
                string.Create(CultureInfo.InvariantCulture, $"no answer within {time.TotalSeconds:0.###} s; is the cluster overloaded? raise --timeout"));
        }
        catch (RpcException failed)
        {
            throw Explain(failed, client.Servers, stop.IsCancellationRequested);
        }
    }

    /// <summary>A failed call as the verb's last line and exit code.</summary>
    public static CommandFailedException Explain(RpcException failed, IReadOnlyList<string> servers, bool stopping)
    {
        string detail = failed.Status.Detail;
        if (stopping)
            return new CommandFailedException(ExitCodes.Failed, "cancelled");
        return failed.StatusCode switch
        {
            StatusCode.Unavailable when failed.Status.DebugException is not null => new CommandFailedException(
                ExitCodes.Unreachable,
                $"cannot reach {string.Join(", ", servers)}; start a cluster with 'pangu up', or name a node with --server HOST:PORT"),
            StatusCode.Internal when failed.Status.DebugException is HttpRequestException { InnerException: AuthenticationException tls } =>
                new CommandFailedException(ExitCodes.Unreachable, $"no TLS with {string.Join(", ", servers)}: {tls.Message} (is --ca the servers' authority?)"),
            StatusCode.Unavailable => new CommandFailedException(ExitCodes.Unreachable, $"the cluster cannot serve now: {detail}"),
            StatusCode.DeadlineExceeded => new CommandFailedException(ExitCodes.TimedOut, $"timed out: {detail}"),
            StatusCode.ResourceExhausted => new CommandFailedException(ExitCodes.Refused, $"refused: {detail}{RetryHint(failed)}"),
            StatusCode.InvalidArgument or StatusCode.Unimplemented or StatusCode.OutOfRange => new CommandFailedException(ExitCodes.Usage, detail),
            StatusCode.PermissionDenied or StatusCode.Unauthenticated or StatusCode.FailedPrecondition or StatusCode.AlreadyExists =>
                new CommandFailedException(ExitCodes.Refused, $"refused: {detail}"),
            StatusCode.NotFound => new CommandFailedException(ExitCodes.Failed, detail),
            _ => new CommandFailedException(ExitCodes.Failed, $"{failed.StatusCode}: {detail}"),
        };
    }

    private static string RetryHint(RpcException failed) =>
        failed.Trailers.GetValue(Services.FailureStatus.RetryAfterTrailer) is { } milliseconds ? $" (try again in {milliseconds} ms)" : "";
}
