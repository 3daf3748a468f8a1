namespace PanguCluster.Client;

/// <summary>What a client shows to the servers, and whom it trusts. PEM files.</summary>
/// <param name="ApiKey">Sent with every call, over TLS or to this machine only; null: none.</param>
/// <param name="CaFile">The only authorities trusted; null: those of the system. Makes <c>host:port</c> mean https.</param>
/// <param name="ClientCertFile">Certificate shown to the servers; null: none. Makes <c>host:port</c> mean https.</param>
/// <param name="ClientKeyFile">Its private key.</param>
public sealed record PanguClientOptions(string? ApiKey = null, string? CaFile = null, string? ClientCertFile = null, string? ClientKeyFile = null)
{
    /// <summary>Whether an address without a scheme is one of a TLS endpoint.</summary>
    internal bool MeansTls => CaFile is not null || ClientCertFile is not null;
}
