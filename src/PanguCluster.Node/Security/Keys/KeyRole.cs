namespace PanguCluster.Node.Security;

/// <summary>What a credential is for.</summary>
public enum KeyRole
{
    /// <summary>Generation.</summary>
    Client,

    /// <summary>That, and looking at the cluster and changing it.</summary>
    Operator,
}
