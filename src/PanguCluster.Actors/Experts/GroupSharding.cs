using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Experts;

/// <summary>Groups as sharding entities: shard id = entity id = group number, so a shard is one group.</summary>
public static class GroupSharding
{
    public const string TypeName = "expert-groups";
    public const string Role = "expert";

    /// <summary>
    /// The cluster role of nodes whose devices compute the same bits. Only they share groups: one that serves other weights would be given some, and could
    /// never answer for them.
    /// </summary>
    public static string RoleOf(Manifest manifest) =>
        string.Create(CultureInfo.InvariantCulture, $"{Role}-{manifest.Digest}-v{manifest.NumericsVersion}");

    /// <summary>The shard region of this node, or a proxy where the node has not the role.</summary>
    public static IActorRef Start(ActorSystem system, Manifest manifest, Func<int, Props> device, int minNodes, TimeSpan patience, TimeProvider time)
    {
        var sharding = ClusterSharding.Get(system);
        var extractor = new Extractor(manifest.Shape.Groups);
        var cluster = Cluster.Get(system);
        string role = RoleOf(manifest);
        if (!cluster.SelfRoles.Contains(role))
            return sharding.StartProxy(TypeName, role, extractor);
        var settings = ClusterShardingSettings.Create(system)
            .WithRole(role)
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
