using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using PanguCluster.Node.Hosting;

namespace PanguCluster.Node.Security;

/// <summary>Wiring of what guards the edge.</summary>
internal static class EdgeSecurityHosting
{
    /// <summary>With keys, wraps the gateway that is registered already, so that every way in counts.</summary>
    public static void AddEdgeSecurity(this IServiceCollection services, EdgeSecurity security)
    {
        services.AddSingleton(security);
        services.AddHostedService<CredentialReload>();
        if (security.Keys is { } keys)
            services.WrapGateway((inner, provider) => new QuotaGateway(inner, keys, provider.GetRequiredService<TimeProvider>()));
    }

    /// <summary>Nothing, where nobody is asked for credentials.</summary>
    public static void UseCallers(this WebApplication app)
    {
        if (app.Services.GetRequiredService<EdgeSecurity>().AsksForCredentials)
            app.UseMiddleware<CallerMiddleware>();
    }

    public static void Secure(this ListenOptions listen, HttpProtocols protocols, EdgeSecurity? security)
    {
        listen.Protocols = protocols;
        if (security?.Certificate is { } certificate)
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                HandshakeTimeout = EdgeLimits.HeaderTime,
                OnConnection = _ => ValueTask.FromResult(certificate.Handshake()),
            });
    }
}
