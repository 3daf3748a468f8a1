using System.Globalization;
using Grpc.Core;

namespace PanguCluster.Client;

/// <summary>
/// A call that failed for good: the server refused it, or trying again brought nothing within the limits of
/// <see cref="PanguClientOptions"/>. What the codes mean is told in <c>generation.proto</c>.
/// </summary>
public class PanguException : RpcException
{
    /// <summary>Trailer with the milliseconds after which a refused request is worth sending again.</summary>
    internal const string RetryAfterTrailer = "retry-after-ms";

    public PanguException(Status status, Metadata trailers, string message) : base(status, trailers, message) =>
        RetryAfter = RetryHint(trailers);

    internal PanguException(RpcException failure, string? note = null)
        : this(failure.Status, failure.Trailers, $"{failure.StatusCode}: {failure.Status.Detail}{note}")
    {
    }

    /// <summary>When the server thinks that the request is worth another try; null: it does not say.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>The session that failed, which <see cref="PanguClient.ResumeAsync(string, IReadOnlyList{int}, CancellationToken)"/> may go on with; null: none.</summary>
    public string? SessionId { get; internal set; }

    internal static TimeSpan? RetryHint(Metadata trailers) =>
        long.TryParse(trailers.GetValue(RetryAfterTrailer), NumberStyles.None, CultureInfo.InvariantCulture, out long milliseconds)
            ? TimeSpan.FromMilliseconds(Math.Min(milliseconds, 86_400_000))
            : null;
}

/// <summary>
/// The servers broke their promise: after a broken connection an answer went on with other bytes than before, or with a token missing.
/// This is a bug of the cluster, or servers of different clusters under one client.
/// </summary>
public sealed class DeterminismException : PanguException
{
    internal DeterminismException(string what, string? expected = null, string? actual = null)
        : base(new Status(StatusCode.DataLoss, what), [], expected is null ? what : $"{what}: {expected} before, {actual} now") =>
        (Expected, Actual) = (expected, actual);

    /// <summary>What came first; null where something is missing.</summary>
    public string? Expected { get; }

    /// <summary>What came at its place later; null where something is missing.</summary>
    public string? Actual { get; }
}
