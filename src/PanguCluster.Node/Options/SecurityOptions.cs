namespace PanguCluster.Node.Options;

/// <summary>Files that a node takes its credentials from, as given; null where none was.</summary>
/// <param name="ApiKeys">Keys of callers.</param>
/// <param name="TlsCert">Certificate of the gRPC and HTTP endpoints, and its key.</param>
/// <param name="TlsClientCa">Authority of clients' certificates.</param>
/// <param name="ClusterCert">Certificate that this node shows to other nodes, its key, and the authority of all nodes.</param>
public sealed record SecurityOptions(
    string? ApiKeys, string? TlsCert, string? TlsKey, string? TlsClientCa, string? ClusterCert, string? ClusterKey, string? ClusterCa)
{
    public bool HasTls => TlsCert is not null;

    public bool HasClusterTls => ClusterCert is not null;

    /// <exception cref="OptionException">An option stands without those it needs, or a file is not there.</exception>
    public static SecurityOptions From(ServeOverrides said)
    {
        Together(("--tls-cert", said.TlsCert), ("--tls-key", said.TlsKey));
        Together(("--cluster-cert", said.ClusterCert), ("--cluster-key", said.ClusterKey), ("--cluster-ca", said.ClusterCa));
        if (said.TlsClientCa is not null && said.TlsCert is null)
            throw new OptionException("--tls-client-ca needs --tls-cert and --tls-key: certificates are shown in a TLS handshake only");
        foreach (var (option, file) in (ReadOnlySpan<(string, string?)>)[
            ("--api-keys", said.ApiKeys), ("--tls-cert", said.TlsCert), ("--tls-key", said.TlsKey), ("--tls-client-ca", said.TlsClientCa),
            ("--cluster-cert", said.ClusterCert), ("--cluster-key", said.ClusterKey), ("--cluster-ca", said.ClusterCa)])
            if (file is not null && !File.Exists(file))
                throw new OptionException($"{option} {file}: no such file");
        return new SecurityOptions(said.ApiKeys, said.TlsCert, said.TlsKey, said.TlsClientCa, said.ClusterCert, said.ClusterKey, said.ClusterCa);
    }

    private static void Together(params ReadOnlySpan<(string Option, string? File)> all)
    {
        string given = "";
        string missing = "";
        foreach (var (option, file) in all)
            if (file is null)
                missing += (missing.Length > 0 ? " and " : "") + option;
            else
                given = option;
        if (given.Length > 0 && missing.Length > 0)
            throw new OptionException($"{given} needs {missing}");
    }
}
