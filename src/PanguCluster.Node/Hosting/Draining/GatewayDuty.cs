using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.Hosting;

/// <summary>Whether this node takes new calls, and how many it has. Those it has are served on while it is drained.</summary>
public sealed class GatewayDuty(NodeIdentity self, IClusterView view)
{
    private int _calls;
    private volatile bool _stopping;

    /// <summary>Open calls.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Why a new call has to go elsewhere; null: it need not. A node that is drained and stays serves on if clients have no other to go to.</summary>
    public string? Refusal => _stopping || (Find(view.Current) is { Duty: NodeDuty.Drains } && HasOtherGateway(view.Current))
        ? $"{self.Id} is draining; another node serves"
        : null;

    /// <summary>This node is going to stop.</summary>
    public void Stop() => _stopping = true;

    internal void Enter() => Interlocked.Increment(ref _calls);

    internal void Leave() => Interlocked.Decrement(ref _calls);

    private NodeInfo? Find(ClusterSnapshot cluster) => cluster.Nodes.FirstOrDefault(n => n.Id == self.Id);

    private bool HasOtherGateway(ClusterSnapshot cluster) => cluster.Nodes.Any(
        n => n.Id != self.Id && n is { Status: "Up", Suspected: false, GrpcAddress.Length: > 0 } && n.Duty != NodeDuty.Drains);
}
