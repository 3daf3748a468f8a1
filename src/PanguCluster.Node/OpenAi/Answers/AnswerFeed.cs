using System.Threading.Channels;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.OpenAi;

/// <summary>An event of one of the prompts of a request.</summary>
public readonly record struct Arrival(int Prompt, StreamEvent Happened);

/// <summary>
/// The events of all prompts of a request as they come. Bounded: a caller who reads slowly holds its own events up, in their streams.
/// </summary>
public sealed class AnswerFeed : IDisposable
{
    private const int Bound = 32;

    private readonly IReadOnlyList<IStreamCall> _calls;
    private readonly Channel<Arrival> _arrivals = Channel.CreateBounded<Arrival>(new BoundedChannelOptions(Bound) { SingleReader = true });
    private readonly CancellationTokenSource _over = new();

    private AnswerFeed(IReadOnlyList<IStreamCall> calls, int promptTokens) => (_calls, PromptTokens) = (calls, promptTokens);

    /// <summary>Completes after the last event of every prompt.</summary>
    public ChannelReader<Arrival> Arrivals => _arrivals.Reader;

    /// <summary>Of all prompts together.</summary>
    public int PromptTokens { get; }

    /// <summary>Waits until every prompt is accepted.</summary>
    /// <param name="calls">They stay the caller's.</param>
    /// <exception cref="ApiException">One is not.</exception>
    public static async Task<AnswerFeed> OpenAsync(IReadOnlyList<IStreamCall> calls, CancellationToken cancellation)
    {
        int promptTokens = 0;
        foreach (var call in calls)
            promptTokens += await call.Events.ReadAsync(cancellation).ConfigureAwait(false) switch
            {
                StreamEvent.Accepted accepted => accepted.PromptTokens,
                StreamEvent.Failed failed => throw new ApiException(ApiError.Of(failed)),
                var other => throw new InvalidOperationException($"A stream began with {other.GetType().Name}."),
            };
        var feed = new AnswerFeed(calls, promptTokens);
        _ = feed.PumpAllAsync();
        return feed;
    }

    /// <summary>Reads no more.</summary>
    public void Dispose() => _over.Cancel();

    private async Task PumpAllAsync()
    {
        Exception? failure = null;
        try
        {
            await Task.WhenAll(_calls.Select((call, i) => PumpAsync(i, call.Events))).ConfigureAwait(false);
        }
        catch (Exception failed)
        {
            failure = failed;
        }
        _arrivals.Writer.TryComplete(failure);
    }

    private async Task PumpAsync(int prompt, ChannelReader<StreamEvent> events)
    {
        await foreach (var happened in events.ReadAllAsync(_over.Token).ConfigureAwait(false))
            await _arrivals.Writer.WriteAsync(new Arrival(prompt, happened), _over.Token).ConfigureAwait(false);
    }
}
