using PanguCluster.Chaos.Load;
using System.Globalization;

namespace PanguCluster.Integration.Tests.Storm;

/// <summary>What a storm did to the streams, in figures.</summary>
internal static class StormReport
{
    private const double Settled = 1.0;

    /// <param name="kills">When, and which gRPC address.</param>
    public static string Of(IReadOnlyList<(double At, string Endpoint)> kills, IReadOnlyList<Timeline> streams)
    {
        var gateways = new List<double>();
        var others = new List<double>();
        for (int k = 0; k < kills.Count; k++)
        {
            double until = k + 1 < kills.Count ? kills[k + 1].At : double.MaxValue;
            foreach (var stream in streams)
                if (stream.StallAfter(kills[k].At, kills[k].At + Settled, until) is { } stall)
                    (stream.EndpointAt(kills[k].At) == kills[k].Endpoint ? gateways : others).Add(stall.NextToken);
        }
        return $"""
            kill to next token, seconds
              gateway killed:        {Percentiles(gateways)}
              other node killed:     {Percentiles(others)}   (its decoder, its expert groups)
            """;
    }

    public static string Percentiles(List<double> values)
    {
        if (values.Count == 0)
            return "none";
        values.Sort();
        double At(double p) => values[Math.Min(values.Count - 1, (int)(p * values.Count))];
        return string.Create(CultureInfo.InvariantCulture, $"n {values.Count}, p50 {At(0.5):0.00}, p90 {At(0.9):0.00}, p95 {At(0.95):0.00}, p99 {At(0.99):0.00}, max {values[^1]:0.00}");
    }
}
