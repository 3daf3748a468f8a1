using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Experts;

/// <summary>Incarnations of groups as sharding entities: shard id = entity id = "g3.18", so a shard is one incarnation, and goes where the placement table has it.</summary>
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
    public static IActorRef Start(ActorSystem system, Manifest manifest, Func<int, long, Props> device, PlacementDirectory directory)
    {
        var sharding = ClusterSharding.Get(system);
        var extractor = new Extractor(manifest.Shape.Groups);
        var cluster = Cluster.Get(system);
        string role = RoleOf(manifest);
        if (!cluster.SelfRoles.Contains(role))
            return sharding.StartProxy(TypeName, role, extractor);
        // Nothing is remembered: the placement table says what has to run, and each node asks for its own.
        var settings = ClusterShardingSettings.Create(system)
            .WithRole(role)
            .WithStateStoreMode(StateStoreMode.DData)
            .WithRememberEntities(false)
            .WithPassivateIdleAfter(TimeSpan.Zero);
        return sharding.Start(
            TypeName, id => Device(id, device), settings, extractor,
            new TableAllocationStrategy(cluster.SelfAddress, directory), PoisonPill.Instance);
    }

    /// <summary>Of an id that the extractor made.</summary>
    internal static long NumberOf(string id) => long.Parse(id.AsSpan(id.IndexOf('.', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture);

    private static Props Device(string id, Func<int, long, Props> device) =>
        device(int.Parse(id.AsSpan(1, id.IndexOf('.', StringComparison.Ordinal) - 1), CultureInfo.InvariantCulture), NumberOf(id));

    /// <summary>Refuses a group number outside the model: a peer's message must not start an entity for it.</summary>
    internal sealed class Extractor(int groups) : IMessageExtractor
    {
        public string? EntityId(object message) =>
            message is EnsureGroup e && e.Group >= 0 && e.Group < groups && e.Number > 0 ? GroupIncarnation.IdOf(e.Group, e.Number) : null;

        public object EntityMessage(object message) => message;

        public string? ShardId(object message) => EntityId(message);

        public string ShardId(string entityId, object? messageHint = null) => entityId;
    }
}
