using System.Security.Cryptography.X509Certificates;
using Akka.Event;
using Akka.Remote.Transport.DotNetty;

namespace PanguCluster.Actors.Credentials;

/// <summary>Akka.Remote over TLS, where both ends must show a node's certificate.</summary>
internal static class ClusterTls
{
    /// <summary>Akka's certificate is set once: a new one is taken at the node's next start.</summary>
    public static DotNettySslSetup Setup(NodeCredentials credentials) => new(
        credentials.Certificate, suppressValidation: false, requireMutualAuthentication: true,
        (certificate, chain, remotePeer, _, log) => IsAccepted(credentials, certificate, chain, remotePeer, log));

    /// <summary>
    /// Akka ends the whole node when a handshake that it began fails. A member whose certificate has run out must not end all others, so the
    /// date does not count for a peer that this node calls: it is a member, or the seed node that the operator named. It counts for all who
    /// call this node, so nobody joins with such a certificate, and a member that cannot call any more is soon taken for unreachable.
    /// </summary>
    private static bool IsAccepted(NodeCredentials credentials, X509Certificate2? certificate, X509Chain? chain, string remotePeer, ILoggingAdapter log)
    {
        bool called = remotePeer.Contains("://", StringComparison.Ordinal); // Akka gives an address of its own, and else the socket's
        var between = chain?.ChainPolicy.ExtraStore;
        if (credentials.WhyRefused(certificate, between, mayHaveEnded: called) is { } refused)
        {
            log.Warning("node at {0} refused: its certificate {1}", remotePeer, refused);
            return false;
        }
        if (called && credentials.WhyRefused(certificate, between) is { } ended)
            log.Warning("node at {0} needs a new certificate: {1}", remotePeer, ended);
        return true;
    }
}
