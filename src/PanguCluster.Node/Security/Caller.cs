namespace PanguCluster.Node.Security;

/// <summary>Who a request comes from, once it has passed authentication.</summary>
/// <param name="KeyId">Id of the API key or of the client certificate; empty where neither is in use. Sessions belong to it.</param>
/// <param name="IsOperator">May look at the whole cluster and change it.</param>
public sealed record Caller(string KeyId, bool IsOperator)
{
    /// <summary>Everyone, on a node that asks for no credentials: it listens on loopback only.</summary>
    public static Caller Anonymous { get; } = new("", IsOperator: true);
}
