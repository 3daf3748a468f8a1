using Pangu.V1;

namespace PanguCluster.Node.Bench;

/// <summary>What one client saw. Bounded: times go into histograms, failures are counted by kind.</summary>
internal sealed class LoadTally
{
    public LatencyHistogram Ttft { get; } = new();
    public LatencyHistogram Tpot { get; } = new();
    public LatencyHistogram Itl { get; } = new();
    public LatencyHistogram Latency { get; } = new();
    public Dictionary<string, int> Errors { get; } = [];
    public Dictionary<string, string> FirstErrors { get; } = [];
    public int Completed { get; set; }
    public long PromptTokens { get; set; }
    public long GeneratedTokens { get; set; }

    public void Fail(string kind, string message)
    {
        Errors[kind] = Errors.GetValueOrDefault(kind) + 1;
        FirstErrors.TryAdd(kind, message);
    }

    public void Add(LoadTally other)
    {
        Ttft.Add(other.Ttft);
        Tpot.Add(other.Tpot);
        Itl.Add(other.Itl);
        Latency.Add(other.Latency);
        Completed += other.Completed;
        PromptTokens += other.PromptTokens;
        GeneratedTokens += other.GeneratedTokens;
        foreach (var (kind, count) in other.Errors)
            Errors[kind] = Errors.GetValueOrDefault(kind) + count;
        foreach (var (kind, message) in other.FirstErrors)
            FirstErrors.TryAdd(kind, message);
    }
}

/// <summary>Times one answer; starts when made.</summary>
internal sealed class AnswerClock(TimeProvider time, LoadTally tally)
{
    private readonly long _start = time.GetTimestamp();
    private long _firstToken;
    private long _lastToken;
    private int _tokens;
    private Finished? _finished;

    public void On(GenerateEvent happened)
    {
        switch (happened.EventCase)
        {
            case GenerateEvent.EventOneofCase.Accepted:
                tally.PromptTokens += happened.Accepted.PromptTokens;
                break;
            case GenerateEvent.EventOneofCase.Token:
                OnToken(time.GetTimestamp());
                break;
            case GenerateEvent.EventOneofCase.Finished:
                _finished = happened.Finished;
                break;
        }
    }

    /// <summary>The stream has ended by itself.</summary>
    public void End()
    {
        if (_finished?.Reason is not (Finished.Types.Reason.Stop or Finished.Types.Reason.Length))
        {
            string how = _finished is null ? "without a finished event" : $"as {_finished.Reason}";
            tally.Fail(_finished is null ? "Truncated" : $"Finished:{_finished.Reason}", $"the answer ended {how} after {_tokens} tokens");
            return;
        }
        tally.Completed++;
        tally.Latency.Add(time.GetElapsedTime(_start).TotalSeconds);
        if (_tokens > 1)
            tally.Tpot.Add(time.GetElapsedTime(_firstToken, _lastToken).TotalSeconds / (_tokens - 1));
    }

    private void OnToken(long now)
    {
        tally.GeneratedTokens++;
        if (_tokens++ == 0)
        {
            _firstToken = now;
            tally.Ttft.Add(time.GetElapsedTime(_start, now).TotalSeconds);
        }
        else
        {
            tally.Itl.Add(time.GetElapsedTime(_lastToken, now).TotalSeconds);
        }
        _lastToken = now;
    }
}
