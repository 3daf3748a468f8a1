using System.Diagnostics.Metrics;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Node.Metrics;

/// <summary>What callers of this node get, and how fast: gRPC and HTTP alike.</summary>
public sealed class EdgeMetrics
{
    /// <summary>Seconds; from a cached prompt on an idle machine to a long queue.</summary>
    private static readonly double[] FirstTokenSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    /// <summary>Seconds; from a small model alone to a failover.</summary>
    private static readonly double[] NextTokenSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Counter<long> _requests;
    private readonly Counter<long> _finished;
    private readonly Counter<long> _failed;
    private readonly Counter<long> _left;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _tokens;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _nextToken;

    public EdgeMetrics(Meter meter, TimeProvider time)
    {
        (FirstTokens, NextTokens) = (new LatencyWindow(time), new LatencyWindow(time));
        _requests = meter.CreateCounter<long>("pangu.requests", "{request}",
            "Calls that asked this node for an answer, by kind: start or resume.");
        _finished = meter.CreateCounter<long>("pangu.choices_finished", "{choice}",
            "Choices that callers of this node have read to the end, by reason.");
        _failed = meter.CreateCounter<long>("pangu.requests_failed", "{request}", "Calls that ended with an error, by reason.");
        _left = meter.CreateCounter<long>("pangu.requests_left", "{request}", "Calls whose caller went before the end.");
        _promptTokens = meter.CreateCounter<long>("pangu.prompt_tokens", "{token}",
            "Prompt tokens of accepted calls; resumed ones not counted.");
        _tokens = meter.CreateCounter<long>("pangu.tokens_delivered", "{token}",
            "Tokens of answers handed to callers of this node; those of resumed calls counted again.");
        _firstToken = meter.CreateHistogram("pangu.time_to_first_token", "s", "From the request to its first token.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = FirstTokenSeconds });
        _nextToken = meter.CreateHistogram("pangu.time_per_output_token", "s", "From one token of a choice to the next.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = NextTokenSeconds });
    }

    /// <summary>Times to the first token, of the last minute.</summary>
    public LatencyWindow FirstTokens { get; }

    /// <summary>Times from one token of a choice to the next, of the last minute.</summary>
    public LatencyWindow NextTokens { get; }

    public void Asked(bool resumes) => _requests.Add(1, new KeyValuePair<string, object?>("kind", resumes ? "resume" : "start"));

    public void Accepted(int promptTokens) => _promptTokens.Add(promptTokens);

    public void Finished(FinishReason reason) => _finished.Add(1, new KeyValuePair<string, object?>("reason", NameOf(reason)));

    public void Failed(FailureKind kind) => _failed.Add(1, new KeyValuePair<string, object?>("reason", NameOf(kind)));

    public void Left() => _left.Add(1);

    public void Token() => _tokens.Add(1);

    public void FirstToken(TimeSpan after)
    {
        _firstToken.Record(after.TotalSeconds);
        FirstTokens.Add(after);
    }

    public void NextToken(TimeSpan after)
    {
        _nextToken.Record(after.TotalSeconds);
        NextTokens.Add(after);
    }

    private static string NameOf(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Cancelled => "cancelled",
        _ => "error",
    };

    private static string NameOf(FailureKind kind) => kind switch
    {
        FailureKind.Overloaded => "overloaded",
        FailureKind.Unavailable => "unavailable",
        FailureKind.Invalid => "invalid",
        FailureKind.DeadlineExceeded => "deadline_exceeded",
        FailureKind.NotFound => "not_found",
        FailureKind.Conflict => "conflict",
        FailureKind.OutOfRange => "out_of_range",
        _ => "internal",
    };
}
