using PanguCluster.Actors.Credentials;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Security;

/// <summary>Opens the credentials that the options name.</summary>
public static class NodeSecurity
{
    /// <exception cref="OptionException">Names the option, the file and what is wrong with it.</exception>
    public static EdgeSecurity Edge(SecurityOptions options) => new(
        options.HasTls
            ? Open("--tls-cert", () => new EdgeCertificate(options.TlsCert!, options.TlsKey!, options.TlsClientCa))
            : null,
        options.ApiKeys is { } keys ? Open("--api-keys", () => new ApiKeys(keys)) : null);

    /// <summary>Null: plain text between nodes.</summary>
    /// <exception cref="OptionException">Names the option, the file and what is wrong with it.</exception>
    public static NodeCredentials? Cluster(SecurityOptions options) => options.HasClusterTls
        ? Open("--cluster-cert", () => NodeCredentials.Open(options.ClusterCert!, options.ClusterKey!, options.ClusterCa!))
        : null;

    private static T Open<T>(string option, Func<T> open)
    {
        try
        {
            return open();
        }
        catch (CredentialException wrong)
        {
            throw new OptionException($"{option}: {wrong.Message}");
        }
    }
}
