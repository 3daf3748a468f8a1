using Akka.Event;
using Akka.Remote.Transport.DotNetty;

namespace PanguCluster.Actors.Credentials;

/// <summary>Akka.Remote over TLS, where both ends must show a node's certificate.</summary>
internal static class ClusterTls
{
    /// <summary>Akka's certificate is set once: a new one is taken at the node's next start.</summary>
    public static DotNettySslSetup Setup(NodeCredentials credentials) => new(
        credentials.Certificate, suppressValidation: false, requireMutualAuthentication: true, (certificate, chain, remotePeer, _, log) =>
        {
            if (credentials.WhyRefused(certificate, chain?.ChainPolicy.ExtraStore) is not { } why)
                return true;
            log.Warning("node at {0} refused: its certificate {1}", remotePeer, why);
            return false;
        });
}
