using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;
using PanguCluster.Actors;
using PanguCluster.Node.Hosting;
using PanguCluster.Node.Security;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.Metrics;

/// <summary>Wiring of <c>GET /metrics</c>: .NET instruments, collected by OpenTelemetry, as Prometheus reads them.</summary>
internal static class MetricsHosting
{
    private const string MeterName = "PanguCluster";

    /// <summary>Wraps the gateway that is registered already.</summary>
    public static void AddNodeMetrics(this IServiceCollection services)
    {
        var meter = new Meter(MeterName);
        services.AddSingleton(_ => meter);
        services.AddSingleton(provider => new EdgeMetrics(meter, provider.GetRequiredService<TimeProvider>()));
        services.WrapGateway((inner, provider) =>
            new MeteredGateway(inner, provider.GetRequiredService<EdgeMetrics>(), provider.GetRequiredService<TimeProvider>()));
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(MeterName)
            // Other nodes in this process, in tests, have meters of the same name.
            .AddView(instrument => instrument.Meter == meter ? null : MetricStreamConfiguration.Drop)
            .AddPrometheusExporter(prometheus =>
            {
                prometheus.ScopeInfoEnabled = false;
                prometheus.TargetInfoEnabled = false;
                prometheus.ScrapeResponseCacheDurationMilliseconds = 0;
            }));
    }

    public static void MapMetrics(this WebApplication app)
    {
        if (app.Services.GetService<PanguNode>() is { } node)
            NodeMetrics.Observe(app.Services.GetRequiredService<Meter>(), node);
        app.MapPrometheusScrapingEndpoint("/metrics").For(Access.Operator);
    }
}
