using System.Globalization;
using Grpc.Core;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Services;

/// <summary>How a failed stream looks to a gRPC caller.</summary>
public static class FailureStatus
{
    /// <summary>Trailer with the milliseconds after which a refused request is worth sending again.</summary>
    public const string RetryAfterTrailer = "retry-after-ms";

    public const int OverloadedRetryMilliseconds = 1000;
    public const int UnavailableRetryMilliseconds = 500;

    public static StatusCode Code(FailureKind kind) => kind switch
    {
        FailureKind.Overloaded => StatusCode.ResourceExhausted,
        FailureKind.Unavailable => StatusCode.Unavailable,
        FailureKind.Invalid => StatusCode.InvalidArgument,
        FailureKind.DeadlineExceeded => StatusCode.DeadlineExceeded,
        FailureKind.NotFound => StatusCode.NotFound,
        FailureKind.Conflict => StatusCode.AlreadyExists,
        FailureKind.OutOfRange => StatusCode.OutOfRange,
        _ => StatusCode.Internal,
    };

    public static RpcException ToRpc(StreamEvent.Failed failed)
    {
        var status = new Status(Code(failed.Kind), failed.Message);
        return failed.Kind switch
        {
            FailureKind.Overloaded => new RpcException(status, Retry(failed, OverloadedRetryMilliseconds)),
            FailureKind.Unavailable => new RpcException(status, Retry(failed, UnavailableRetryMilliseconds)),
            _ => new RpcException(status),
        };
    }

    /// <summary>A quota knows when it is worth another try; a queue does not.</summary>
    private static Metadata Retry(StreamEvent.Failed failed, int usual)
    {
        int milliseconds = failed.RetryAfter is { } after ? (int)Math.Ceiling(after.TotalMilliseconds) : usual;
        return new Metadata { { RetryAfterTrailer, milliseconds.ToString(CultureInfo.InvariantCulture) } };
    }
}
