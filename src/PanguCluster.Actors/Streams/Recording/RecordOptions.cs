using PanguCluster.Actors.Sessions;

namespace PanguCluster.Actors.Streams;

/// <summary>How a stream keeps its session's record up to date.</summary>
/// <param name="OpenTimeout">Longest wait for a session to open: the loss of the node that keeps it is over by then.</param>
/// <param name="OpenRetry">How often an unanswered opening is repeated.</param>
/// <param name="Batch">Tokens that go out at once.</param>
/// <param name="Interval">Fewer than a batch wait at most so long.</param>
/// <param name="Retry">What is not acknowledged within this is sent again.</param>
/// <param name="EndPatience">How long an ended stream waits for the session to know: after that it is taken for interrupted.</param>
/// <param name="Heartbeat">A stream without news says at least so often that it lives.</param>
public sealed record RecordOptions(
    TimeSpan OpenTimeout, TimeSpan OpenRetry, int Batch, TimeSpan Interval, TimeSpan Retry, TimeSpan EndPatience, TimeSpan Heartbeat)
{
    public static RecordOptions Default { get; } = new(
        TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), 32, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), TimeSpan.FromMinutes(1),
        SessionOptions.Default.Silence / 3);

    /// <summary>Least time between two batches of a choice, unless a message is full: a fast model does not record more often than a slow one.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(250);

    internal int MostPerMessage => SessionProtocol.MaxTokensPerMessage;

    /// <summary>Most tokens of a choice that are sent ahead of their acknowledgement.</summary>
    internal int Window => 4 * MostPerMessage;
}
