using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace PanguCluster.Client.Streaming;

/// <summary>What a client says. Nothing of prompts, answers or keys.</summary>
internal static partial class ClientLog
{
    [LoggerMessage(1, LogLevel.Debug, "{Server}: {Code} {Detail}; trying again")]
    public static partial void AttemptFailed(this ILogger log, string server, StatusCode code, string detail);

    [LoggerMessage(2, LogLevel.Information, "session {Session} goes on at {To} after {From} ({Cause}): pause {PauseMilliseconds} ms, {Attempts} attempts")]
    public static partial void Recovered(
        this ILogger log, string session, string from, string to, string cause, double pauseMilliseconds, int attempts);

    [LoggerMessage(3, LogLevel.Error, "session {Session} at {Server}: {What}")]
    public static partial void Violated(this ILogger log, string session, string server, string what);
}
