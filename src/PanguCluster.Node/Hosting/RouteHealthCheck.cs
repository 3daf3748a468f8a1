using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using PanguCluster.Actors.Placement;

namespace PanguCluster.Node.Hosting;

/// <summary>Healthy while requests can be served, and here: every group has a ready owner, some node decodes, and this one is not draining.</summary>
public sealed class RouteHealthCheck(IClusterView view, GatewayDuty duty) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult((duty.Refusal ?? WhatIsMissing(view.Current)) is { } missing ? HealthCheckResult.Unhealthy(missing) : HealthCheckResult.Healthy());

    /// <summary>What stands between this cluster and serving, in words; null when nothing does.</summary>
    public static string? WhatIsMissing(ClusterSnapshot cluster)
    {
        if (cluster.Groups.Count == 0)
            return "this node has not joined its cluster yet";
        int[] unready = [.. cluster.Groups.Where(g => g.State != GroupInfo.Ready).Select(g => g.Group).Order()];
        var details = cluster.Groups.Select(g => g.Detail).Concat(cluster.Nodes.Select(n => n.Detail));
        string why = details.FirstOrDefault(d => d.Length > 0) is { } first ? ": " + first : "";
        if (unready.Length > 0)
            return $"no ready owner for {(unready.Length == 1 ? "group" : "groups")} "
                + string.Join(", ", unready.Select(g => g.ToString(CultureInfo.InvariantCulture))) + why;
        return cluster.Nodes.Any(n => n.Status == "Up" && n.Load is not null) ? null : "no node decodes" + why;
    }
}
