using System.Net;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using PanguCluster.Actors.Placement;
using PanguCluster.Node.Metrics;
using PanguCluster.Node.OpenAi;
using PanguCluster.Node.Options;
using PanguCluster.Node.Security;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.Hosting;

/// <summary>
/// The outside of a node: its gRPC and HTTP endpoints. Knows the actors only as <c>IGenerationGateway</c>, <c>IClusterView</c>,
/// <c>IClusterControl</c> and <c>IClusterEvents</c>, which the caller registers.
/// </summary>
public static class Edge
{
    /// <summary>How long a connection may be silent before it is asked for a sign of life, and how long that may take.</summary>
    private static readonly TimeSpan PingDelay = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(10);

    /// <param name="grpc">Null: no gRPC endpoint, and no completions over HTTP (a node without the role gateway).</param>
    /// <param name="security">Null: everyone who can connect is let in. <c>IGenerationGateway</c> must be registered before.</param>
    public static void AddEdge(
        this WebApplicationBuilder builder, NodeIdentity self, NodeAddress http, NodeAddress? grpc, EdgeSecurity? security = null)
    {
        builder.Services.AddSingleton<GatewayDuty>();
        builder.Services.WrapGateway((inner, provider) => new DrainingGateway(inner, provider.GetRequiredService<GatewayDuty>()));
        builder.Services.AddEdgeSecurity(security ?? EdgeSecurity.Open);
        builder.Services.AddNodeMetrics();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.Http2.KeepAlivePingDelay = PingDelay;
            kestrel.Limits.Http2.KeepAlivePingTimeout = PingTimeout;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 1024;
            EdgeLimits.Apply(kestrel.Limits);
            kestrel.Listen(http.EndPoint, listen => listen.Secure(HttpProtocols.Http1, security));
            if (grpc is not null)
                kestrel.Listen(grpc.EndPoint, listen => listen.Secure(HttpProtocols.Http2, security));
        });
        var services = builder.Services;
        services.AddRouting();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(self);
        services.AddSingleton<StreamGrace>();
        if (grpc is not null)
            services.AddSingleton<CompletionService>();
        services.AddGrpc(options => options.MaxReceiveMessageSize = RequestLimits.MessageBytes);
        ReadRequestsChecked(services);
        services.AddGrpcReflection();
        services.AddGrpcHealthChecks().AddCheck<RouteHealthCheck>("route");
        services.Configure<HealthCheckPublisherOptions>(publish =>
        {
            publish.Delay = TimeSpan.Zero;
            publish.Period = TimeSpan.FromSeconds(1);
        });
    }

    public static void MapEdge(this WebApplication app)
    {
        app.UseCallers();
        app.UseMiddleware<FrameCheck>();
        app.MapGrpcService<GenerationService>();
        app.MapGrpcService<OperatorService>().For(Access.Operator);
        app.MapGrpcHealthChecksService().For(Access.Anyone);
        app.MapGrpcReflectionService();
        app.MapOpenAi();
        app.MapMetrics();
        app.MapGet("/healthz", () => "ok\n").For(Access.Anyone);
        app.MapGet("/readyz", (IClusterView view, GatewayDuty duty) =>
        {
            string? missing = duty.Refusal ?? RouteHealthCheck.WhatIsMissing(view.Current);
            return missing is null
                ? Results.Text("ready\n")
                : Results.Text($"not ready: {missing}\n", statusCode: (int)HttpStatusCode.ServiceUnavailable);
        }).For(Access.Anyone);
    }

    private static void ReadRequestsChecked(IServiceCollection services)
    {
        services.RemoveAll(typeof(IServiceMethodProvider<>));
        services.AddSingleton(typeof(IServiceMethodProvider<>), typeof(CheckedMethodProvider<>));
    }
}
