using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Node.Bench;

/// <summary>
/// Many clients against a running server, over the wire as anybody's. Every client sends its next request when its last has ended, so
/// there are never more requests under way than clients. Prompts differ; answers are greedy, so every run asks for the same work.
/// </summary>
public sealed class LoadTest(LoadPlan plan, Func<PanguClient> connect, TimeProvider time)
{
    /// <summary>For the first question, which may wake a server up.</summary>
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromSeconds(30);

    private int _taken;
    private int _ended;

    /// <param name="progress">Told requests ended and requests in all; called by several at once.</param>
    /// <exception cref="RpcException">The server does not say which model it serves.</exception>
    /// <exception cref="TimeoutException">Not in time.</exception>
    public async Task<LoadReport> RunAsync(Action<int, int> progress, CancellationToken stop)
    {
        using var first = connect();
        var model = await AskModelAsync(first, stop).ConfigureAwait(false);
        long start = time.GetTimestamp();
        var tallies = await Task.WhenAll(Enumerable.Range(0, plan.Clients).Select(_ => ClientAsync(model, progress, stop))).ConfigureAwait(false);
        return Report(first.Servers, model.Name, time.GetElapsedTime(start).TotalSeconds, tallies);
    }

    private async Task<GetModelResponse> AskModelAsync(PanguClient client, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(FirstAnswer);
        try
        {
            return await client.GetModelAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception late) when (limit.IsCancellationRequested && late is RpcException or OperationCanceledException)
        {
            stop.ThrowIfCancellationRequested();
            throw new TimeoutException($"no answer within {FirstAnswer.TotalSeconds} s", late);
        }
    }

    private async Task<LoadTally> ClientAsync(GetModelResponse model, Action<int, int> progress, CancellationToken stop)
    {
        using var client = connect();
        var tally = new LoadTally();
        while (Interlocked.Increment(ref _taken) is var number && number <= plan.Requests)
        {
            stop.ThrowIfCancellationRequested();
            await RequestAsync(client, Prompt(model.VocabSize, number), tally, stop).ConfigureAwait(false);
            progress(Interlocked.Increment(ref _ended), plan.Requests);
        }
        return tally;
    }

    private GenerateRequest Prompt(int vocabulary, int number) => new()
    {
        TokenIds = new Pangu.V1.TokenIds { Ids = { new TokenIds(vocabulary, (long)number * plan.PromptTokens).Take(plan.PromptTokens) } },
        MaxTokens = plan.MaxTokens,
        Sampling = new Pangu.V1.Sampling { Temperature = 0 },
    };

    private async Task RequestAsync(PanguClient client, GenerateRequest request, LoadTally tally, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(TimeSpan.FromSeconds(plan.TimeoutSeconds));
        var answer = new AnswerClock(time, tally);
        try
        {
            await foreach (var happened in client.GenerateAsync(request, limit.Token).ConfigureAwait(false))
                answer.On(happened);
            answer.End();
        }
        catch (Exception ended) when (ended is RpcException or OperationCanceledException)
        {
            stop.ThrowIfCancellationRequested();
            if (limit.IsCancellationRequested)
                tally.Fail("TimedOut", $"no whole answer within {plan.TimeoutSeconds} s");
            else
                tally.Fail(ended is RpcException rpc ? rpc.StatusCode.ToString() : "Cancelled", ended is RpcException r ? r.Status.Detail : ended.Message);
        }
    }

    private LoadReport Report(IReadOnlyList<string> servers, string model, double seconds, IReadOnlyList<LoadTally> tallies)
    {
        var all = new LoadTally();
        foreach (var tally in tallies)
            all.Add(tally);
        return new LoadReport(
            servers, model, plan, all.Completed, seconds, all.PromptTokens, all.GeneratedTokens, all.GeneratedTokens / seconds,
            all.Completed / seconds, all.Ttft.Summary, all.Tpot.Summary, all.Itl.Summary, all.Latency.Summary, all.Errors, all.FirstErrors);
    }
}
