using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Placement;

namespace PanguCluster.Node.Services;

/// <summary><c>pangu.v1.Operator</c>: the cluster as this node sees it.</summary>
public sealed class OperatorService(IClusterView view, NodeIdentity self) : Operator.OperatorBase
{
    public override Task<ClusterState> GetCluster(GetClusterRequest request, ServerCallContext context) =>
        Task.FromResult(ClusterWriting.ToWire(view.Current, self.Id));
}
