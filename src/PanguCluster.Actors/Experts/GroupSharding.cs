using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;

namespace PanguCluster.Actors.Experts;

/// <summary>Groups as sharding entities: shard id = entity id = group number, so a shard is one group.</summary>
public static class GroupSharding
{
    public const string TypeName = "expert-groups";
    public const string Role = "expert";

    /// <summary>The shard region of this node, or a proxy where the node has not the role.</summary>
    public static IActorRef Start(ActorSystem system, int groups, Func<int, Props> device, int minNodes, TimeSpan patience, TimeProvider time)
    {
        var sharding = ClusterSharding.Get(system);
        var extractor = new Extractor(groups);
        var cluster = Cluster.Get(system);
        if (!cluster.SelfRoles.Contains(Role))
            return sharding.StartProxy(TypeName, Role, extractor);
        var settings = ClusterShardingSettings.Create(system)
            .WithRole(Role)
            .WithStateStoreMode(StateStoreMode.DData)
            .WithRememberEntities(true)
            .WithPassivateIdleAfter(TimeSpan.Zero);
        return sharding.Start(
            TypeName,
            id => device(int.Parse(id, CultureInfo.InvariantCulture)),
            settings,
            extractor,
            new GroupAllocationStrategy(cluster.SelfAddress, minNodes, patience, time),
            PoisonPill.Instance);
    }

    public static string Id(int group) => group.ToString(CultureInfo.InvariantCulture);

    /// <summary>Refuses a group number outside the model: a peer's message must not start an entity for it.</summary>
    internal sealed class Extractor(int groups) : IMessageExtractor
    {
        public string? EntityId(object message) => message is EnsureGroup e && e.Group >= 0 && e.Group < groups ? Id(e.Group) : null;

        public object EntityMessage(object message) => message;

        public string? ShardId(object message) => EntityId(message);

        public string ShardId(string entityId, object? messageHint = null) => entityId;
    }
}
