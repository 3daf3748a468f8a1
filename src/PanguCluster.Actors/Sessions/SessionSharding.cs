using Akka.Actor;
using Akka.Cluster.Sharding;

namespace PanguCluster.Actors.Sessions;

/// <summary>
/// Sessions as sharding entities on the nodes with the role gateway, where streams are too: a device without callers needs no database,
/// and its loss moves no session. Entity id = session id, in <see cref="Shards"/> shards.
/// </summary>
public static class SessionSharding
{
    public const string TypeName = "sessions";
    public const int Shards = 64;

    /// <summary>Shards that move in one round to a node that came: each is without a home for a moment, and for the hand-off's deadline when a node dies meanwhile.</summary>
    private const int MovesAtOnce = 4;

    /// <summary>Longest session id; it also is a part of a database key.</summary>
    public const int MaxIdLength = 64;

    /// <summary>The sessions' region of this node.</summary>
    internal static IActorRef Start(ActorSystem system, SessionSettings sessions)
    {
        var sharding = ClusterSharding.Get(system); // brings the defaults of the settings
        var settings = ClusterShardingSettings.Create(system)
            .WithRole(NodeRoles.Gateway)
            .WithStateStoreMode(StateStoreMode.DData)
            .WithRememberEntities(false)
            .WithPassivateIdleAfter(TimeSpan.Zero); // the actor does it by itself
        return sharding.Start(
            TypeName,
            id => Props.Create(() => new SessionActor(id, sessions)),
            settings,
            new Extractor(),
            ShardAllocationStrategy.LeastShardAllocationStrategy(absoluteLimit: MovesAtOnce, relativeLimit: 1),
            SessionActor.Stop.Instance);
    }

    /// <summary>The way to the sessions from a node that keeps none.</summary>
    internal static IActorRef StartProxy(ActorSystem system) => ClusterSharding.Get(system).StartProxy(TypeName, NodeRoles.Gateway, new Extractor());

    public static bool IsValidId(string id) =>
        id.Length is >= 1 and <= MaxIdLength && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':');

    /// <summary>The same on every node and build: FNV-1a.</summary>
    public static int Shard(string id)
    {
        uint hash = 2166136261;
        foreach (char c in id)
            hash = (hash ^ c) * 16777619;
        return (int)(hash % Shards);
    }

    /// <summary>Refuses an id that no gateway lets in: a peer's message must not start an entity for it.</summary>
    internal sealed class Extractor : IMessageExtractor
    {
        public string? EntityId(object message) => message is SessionProtocol.ICommand m && IsValidId(m.SessionId) ? m.SessionId : null;

        public object EntityMessage(object message) => message;

        public string? ShardId(object message) => EntityId(message) is { } id ? ShardId(id) : null;

        public string ShardId(string entityId, object? messageHint = null) =>
            Shard(entityId).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
