using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using PanguCluster.Actors.Credentials;

namespace PanguCluster.Actors.Links;

/// <summary>The TLS handshake of a link, both ends showing a node's certificate. Blocking, like everything on a link.</summary>
internal static class LinkTls
{
    /// <exception cref="LinkException">The peer's certificate is refused, or the handshake fails; says why.</exception>
    public static SslStream AsClient(Socket socket, NodeCredentials credentials) => Authenticate(socket, credentials, (tls, check) =>
        tls.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = "",
            ClientCertificateContext = credentials.Context,
            RemoteCertificateValidationCallback = check,
            AllowTlsResume = false, // a certificate that has ended since must not pass
        }));

    /// <exception cref="LinkException">The peer has no certificate, or one that is refused, or the handshake fails; says why.</exception>
    public static SslStream AsServer(Socket socket, NodeCredentials credentials) => Authenticate(socket, credentials, (tls, check) =>
        tls.AuthenticateAsServer(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = credentials.Context,
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = check,
            AllowTlsResume = false,
        }));

    private static SslStream Authenticate(
        Socket socket, NodeCredentials credentials, Action<SslStream, RemoteCertificateValidationCallback> handshake)
    {
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: false));
        string? refused = null;
        try
        {
            handshake(tls, (_, certificate, chain, _) =>
                (refused = credentials.WhyRefused(certificate, chain?.ChainPolicy.ExtraStore)) is null);
            return tls;
        }
        catch (Exception e) when (e is AuthenticationException or IOException or ObjectDisposedException)
        {
            tls.Dispose();
            throw refused is not null
                ? new LinkException($"the peer's certificate {refused}", e)
                : new LinkException(
                    $"no TLS with the peer ({(e.InnerException ?? e).Message}): it may use none, or not accept this node's certificate '{Name(credentials)}'", e);
        }
    }

    private static string Name(NodeCredentials credentials) => credentials.Certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
}
