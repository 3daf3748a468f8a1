namespace PanguCluster.Node.Options;

/// <summary>What a node must have before it listens to other machines. Loopback needs nothing.</summary>
public static class BindRules
{
    /// <exception cref="OptionException">Says which options are missing.</exception>
    public static void Check(ServeOptions options)
    {
        var security = options.Security;
        if (options.HasRole("gateway"))
            CheckEdge("--grpc", options.Grpc, security);
        CheckEdge("--http", options.Http, security);
        if (!options.Cluster.IsLoopback && !security.HasClusterTls)
            throw Missing("--cluster", options.Cluster, "mutual TLS between the nodes", "--cluster-cert, --cluster-key and --cluster-ca");
        if (options.Cluster.IsWildcard && options.Advertise is null)
            throw new OptionException(
                $"--cluster {options.Cluster}: this is every address of the machine; say with --advertise HOST which one other nodes are to use");
    }

    private static void CheckEdge(string option, NodeAddress address, SecurityOptions security)
    {
        if (address.IsLoopback)
            return;
        bool credentials = security.ApiKeys is not null || security.TlsClientCa is not null;
        const string tls = "--tls-cert and --tls-key";
        const string callers = "--api-keys (or --tls-client-ca)";
        if (!security.HasTls || !credentials)
            throw Missing(option, address, "TLS and credentials",
                security.HasTls ? callers : credentials ? tls : $"{tls}, and {callers}");
    }

    private static OptionException Missing(string option, NodeAddress address, string need, string missing) => new(
        $"{option} {address}: listening to other machines needs {need}; missing: {missing} ('pangu certs' and 'pangu keys' make them), "
        + "or use 127.0.0.1");
}
