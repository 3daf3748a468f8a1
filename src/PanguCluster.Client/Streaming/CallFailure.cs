using System.Net.Sockets;
using System.Security.Authentication;
using Grpc.Core;

namespace PanguCluster.Client.Streaming;

/// <summary>What can be done about a failed attempt.</summary>
internal enum Remedy
{
    /// <summary>Nothing: the caller is told.</summary>
    None,

    /// <summary>The server cannot serve this call now: another one, or the same one later.</summary>
    AskAgain,

    /// <summary>The server is out of reach: another one, or the same one later.</summary>
    Reconnect,

    /// <summary>It may be the server or the request: a few more attempts.</summary>
    Doubtful,
}

/// <summary>A failed attempt, judged.</summary>
/// <param name="Hopeless">This server can never be reached so: its certificate or ours is not trusted.</param>
internal sealed record CallFailure(RpcException Error, Remedy Remedy, bool Hopeless = false)
{
    /// <summary>When the server wants to be asked again, or null.</summary>
    public TimeSpan? RetryAfter => PanguException.RetryHint(Error.Trailers);

    /// <summary>A few words without anything of the request.</summary>
    public string Cause => Remedy == Remedy.Reconnect ? "connection lost" : Error.StatusCode.ToString();

    /// <param name="error">An attempt's end, not by the caller's own cancellation.</param>
    public static CallFailure Of(RpcException error)
    {
        // Statuses that this side made carry what happened to the connection; those of a server carry nothing.
        bool transport = InChain<HttpRequestException>(error) || InChain<IOException>(error) || InChain<SocketException>(error);
        return error.StatusCode switch
        {
            StatusCode.DeadlineExceeded => new CallFailure(error, Remedy.None),
            _ when transport => new CallFailure(error, Remedy.Reconnect, Hopeless: InChain<AuthenticationException>(error)),
            // Of a connection attempt that took too long, and of a stream that the other side reset: the caller has not cancelled.
            StatusCode.Cancelled => new CallFailure(error, Remedy.Reconnect),
            StatusCode.Unavailable => new CallFailure(error, error.Status.DebugException is null ? Remedy.AskAgain : Remedy.Reconnect),
            StatusCode.ResourceExhausted when PanguException.RetryHint(error.Trailers) is not null => new CallFailure(error, Remedy.AskAgain),
            StatusCode.Unknown or StatusCode.Aborted => new CallFailure(error, Remedy.Doubtful),
            _ => new CallFailure(error, Remedy.None),
        };
    }

    /// <summary>The server ended the stream in good order, but too early.</summary>
    public static CallFailure EndedEarly() =>
        new(new RpcException(new Status(StatusCode.Internal, "the server ended the stream before the answer")), Remedy.Doubtful);

    /// <summary>The connection lives and brings nothing.</summary>
    public static CallFailure Idle(TimeSpan limit) =>
        new(new RpcException(new Status(StatusCode.Unavailable, $"no token within {limit.TotalSeconds:0.###} s")), Remedy.AskAgain);

    private static bool InChain<T>(RpcException error) where T : Exception
    {
        for (var e = error.Status.DebugException; e is not null; e = e.InnerException)
            if (e is T)
                return true;
        return false;
    }
}
