using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PanguCluster.Client.Connections;

/// <summary>Applies <see cref="PanguClientOptions"/> to an HTTP handler.</summary>
internal static class SecureChannel
{
    /// <exception cref="ArgumentException">A file cannot be used, or the key would cross a network in clear.</exception>
    public static HttpMessageHandler Secure(SocketsHttpHandler handler, Uri server, PanguClientOptions options)
    {
        if (options.ClientCertFile is not null != (options.ClientKeyFile is not null))
            throw new ArgumentException("A client certificate and its key are needed together.");
        try
        {
            handler.SslOptions = Tls(options);
        }
        catch (Exception wrong) when (wrong is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"The certificate files cannot be used: {wrong.Message}", wrong);
        }
        if (options.ApiKey is not { Length: > 0 } key)
            return handler;
        if (server.Scheme != Uri.UriSchemeHttps && !server.IsLoopback)
            throw new ArgumentException($"'{server}' is not https: an API key is sent over TLS, or to this machine, only.");
        return new WithKey(handler, key);
    }

    private static SslClientAuthenticationOptions Tls(PanguClientOptions options)
    {
        var tls = new SslClientAuthenticationOptions();
        if (options.CaFile is { } file)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(file);
        }
        if (options.ClientCertFile is { } certificate)
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(
                X509Certificate2.CreateFromPemFile(certificate, options.ClientKeyFile), null, offline: true);
        return tls;
    }

    private sealed class WithKey(HttpMessageHandler inner, string key) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
