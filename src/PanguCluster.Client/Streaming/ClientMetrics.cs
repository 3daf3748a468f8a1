using System.Diagnostics.Metrics;

namespace PanguCluster.Client.Streaming;

/// <summary>Meter <c>PanguCluster.Client</c>, of all clients of the process.</summary>
internal static class ClientMetrics
{
    private static readonly Meter Source = new(PanguClient.MeterName);

    private static readonly Counter<long> Failures = Source.CreateCounter<long>(
        "pangu.client.attempts.failed", "{call}", "Calls that failed and were, or could have been, tried again. Tags: server, cause.");

    private static readonly Counter<long> Recoveries = Source.CreateCounter<long>(
        "pangu.client.streams.recovered", "{stream}", "Answers that were cut off and went on. Tags: cause, restarted.");

    private static readonly Histogram<double> Pauses = Source.CreateHistogram<double>(
        "pangu.client.streams.pause", "s", "From the last event before a break to the first new one after it.");

    private static readonly Counter<long> Violations = Source.CreateCounter<long>(
        "pangu.client.determinism.violations", "{stream}", "Answers that went on otherwise than they had begun: bugs.");

    private static readonly UpDownCounter<long> Streams = Source.CreateUpDownCounter<long>(
        "pangu.client.streams.active", "{stream}", "Answers under way.");

    public static void Failed(string server, CallFailure failure) => Failures.Add(1, new("server", server), new("cause", failure.Cause));

    public static void Recovered(Recovery recovery)
    {
        Recoveries.Add(1, new("cause", recovery.Cause), new("restarted", recovery.Restarted));
        Pauses.Record(recovery.Pause.TotalSeconds);
    }

    public static void Violated() => Violations.Add(1);

    public static void Began() => Streams.Add(1);

    public static void Left() => Streams.Add(-1);
}
