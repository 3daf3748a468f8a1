namespace PanguCluster.Chaos.Processes;

/// <summary>Real nodes, each on a machine of its own as far as its network is concerned, that faults are done to.</summary>
internal sealed class ChaosCluster(NodeCluster nodes, NodeNetwork network) : IAsyncDisposable
{
    public NodeCluster Nodes { get; } = nodes;

    public NodeNetwork Network { get; } = network;

    public async ValueTask DisposeAsync()
    {
        await Nodes.DisposeAsync();
        await Network.DisposeAsync();
    }
}
