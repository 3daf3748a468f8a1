using System.IO.Pipelines;

namespace PanguCluster.Node.OpenAi;

/// <summary>
/// Moves the events of an answer to the caller: what is there goes out together, and where nothing comes for a while, a comment does.
/// </summary>
internal sealed class EventSender(PipeWriter to, StreamedAnswer answer, AnswerFeed feed, TimeProvider time)
{
    /// <summary>Shorter than the idle limits of usual proxies.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    /// <summary>Bytes that are written before the caller's pace counts.</summary>
    private const int Unsent = 16 << 10;

    /// <exception cref="ApiException">The stream failed.</exception>
    public async Task RunAsync(CancellationToken ends)
    {
        answer.Open();
        while (!answer.Complete)
        {
            await SendAsync(ends).ConfigureAwait(false);
            if (!await WaitAsync(ends).ConfigureAwait(false))
                throw new ApiException(ApiError.Cancelled);
            while (!answer.Complete && feed.Arrivals.TryRead(out var arrival))
            {
                answer.Take(arrival);
                if (to.UnflushedBytes > Unsent)
                    await SendAsync(ends).ConfigureAwait(false);
            }
        }
        answer.Close(feed.PromptTokens);
    }

    /// <returns>False: there will be no more.</returns>
    private async ValueTask<bool> WaitAsync(CancellationToken ends)
    {
        var arrives = feed.Arrivals.WaitToReadAsync(ends);
        if (arrives.IsCompleted)
            return await arrives.ConfigureAwait(false);
        var waiting = arrives.AsTask();
        while (true)
            try
            {
                return await waiting.WaitAsync(Silence, time, CancellationToken.None).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                answer.KeepAlive();
                await SendAsync(ends).ConfigureAwait(false);
            }
    }

    private async ValueTask SendAsync(CancellationToken ends)
    {
        if ((await to.FlushAsync(ends).ConfigureAwait(false)).IsCompleted)
            throw new OperationCanceledException(ends);
    }
}
