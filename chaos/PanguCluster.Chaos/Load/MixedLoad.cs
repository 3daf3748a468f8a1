using System.Collections.Concurrent;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Chaos.Load;

/// <summary>Callers who ask the same requests again and again, and compare every answer with the undisturbed one.</summary>
internal sealed class MixedLoad(IReadOnlyList<GenerateRequest> requests, IReadOnlyList<Answer> expected, string[] endpoints)
{
    private readonly long _start = TimeProvider.System.GetTimestamp();
    private int _answers;
    private readonly double[] _lastToken = [.. requests.Select(_ => double.MinValue)];
    private long _tokens;

    public ConcurrentQueue<string> Faults { get; } = [];
    public ConcurrentQueue<Timeline> Streams { get; } = [];
    public ConcurrentQueue<Recovery> Recoveries { get; } = [];

    public int Answers => _answers;

    /// <summary>Callers who had a token just now.</summary>
    public int Flowing => _lastToken.Count(at => at > Now - 1);

    public long Tokens => Interlocked.Read(ref _tokens);
    public double Now => TimeProvider.System.GetElapsedTime(_start).TotalSeconds;

    /// <summary>What an undisturbed cluster answers.</summary>
    public static async Task<IReadOnlyList<Answer>> UndisturbedAsync(PanguClient client, IReadOnlyList<GenerateRequest> requests)
    {
        var answers = new List<Answer>();
        foreach (var request in requests)
        {
            var answer = new Answer(Math.Max(1, request.N));
            await foreach (var happened in client.GenerateAsync(request.Clone()).ConfigureAwait(false))
                answer.Add(happened);
            answers.Add(answer);
        }
        return answers;
    }

    /// <summary>One caller per request; each goes on until <paramref name="enough"/> when its answer is complete.</summary>
    public Task RunAsync(Func<bool> enough) =>
        Task.WhenAll(requests.Select((_, i) => Task.Run(() => CallAsync(i, enough))));

    private async Task CallAsync(int i, Func<bool> enough)
    {
        // Callers start at different nodes.
        await using var client = PanguClient.Connect([.. endpoints.Skip(i % endpoints.Length), .. endpoints.Take(i % endpoints.Length)]);
        Timeline timeline = new();
        client.Recovered += recovery =>
        {
            timeline.Moved(Now, recovery.From, recovery.To);
            Recoveries.Enqueue(recovery);
        };
        do
        {
            timeline = new Timeline();
            var answer = new Answer(Math.Max(1, requests[i].N));
            try
            {
                await foreach (var happened in client.GenerateAsync(requests[i].Clone()).ConfigureAwait(false))
                {
                    answer.Add(happened);
                    if (happened.Token is null)
                        continue;
                    timeline.Token(happened.Token.Choice, _lastToken[i] = Now);
                    Interlocked.Increment(ref _tokens);
                }
                if (answer.DifferenceTo(expected[i]) is { } difference)
                    Faults.Enqueue($"request {i}: {difference}");
            }
            catch (Exception failed)
            {
                Faults.Enqueue($"request {i} failed after {answer.Tokens} tokens at {Now:0.0} s: {failed.Message}");
            }
            Interlocked.Increment(ref _answers);
            Streams.Enqueue(timeline);
        }
        while (!enough());
    }
}
