using Akka.Actor;
using Akka.Cluster.Tools.Singleton;
using PanguCluster.Actors.Experts;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>One coordinator among the nodes that share a model's groups.</summary>
internal static class CoordinatorSingleton
{
    private const string Manager = "pangu-coordinator";
    private const string Instance = "it";

    /// <param name="coordinator">Null on a node that cannot have it.</param>
    /// <returns>The way to it from this node, wherever it is.</returns>
    public static IActorRef Start(ActorSystem system, Manifest manifest, Props? coordinator)
    {
        string role = GroupSharding.RoleOf(manifest);
        if (coordinator is not null)
            system.ActorOf(
                ClusterSingletonManager.Props(
                    coordinator, PoisonPill.Instance, ClusterSingletonManagerSettings.Create(system).WithRole(role).WithSingletonName(Instance)),
                Manager);
        return system.ActorOf(
            ClusterSingletonProxy.Props("/user/" + Manager, ClusterSingletonProxySettings.Create(system).WithRole(role).WithSingletonName(Instance)),
            Manager + "-way");
    }
}
