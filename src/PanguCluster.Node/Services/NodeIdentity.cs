namespace PanguCluster.Node.Services;

/// <summary>Who this process is.</summary>
public sealed record NodeIdentity(string Id);
