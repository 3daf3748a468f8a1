using Akka.Actor;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Placement;

/// <summary>What the actors of one node tell its placement, besides <see cref="Experts.ExpertGroupProtocol"/>.</summary>
public static class PlacementProtocol
{
    public interface IMessage : INoSerializationVerificationNeeded;

    /// <summary>The router gets every route table from now on, the present one at once.</summary>
    public sealed record FollowRoutes(IActorRef Router) : IMessage;

    /// <summary>The decoder takes sequences.</summary>
    public sealed record DecoderUp(IActorRef Decoder) : IMessage;

    public sealed record DecoderDown(IActorRef Decoder, string Reason) : IMessage;

    /// <summary>The coordinator of this node gets all this node knows, now and whenever it changes.</summary>
    public sealed record FollowKnowledge(IActorRef Coordinator) : IMessage;

    /// <param name="Nodes">As this node sees them.</param>
    /// <param name="Table">This node's copy.</param>
    public sealed record Knowledge(IReadOnlyList<KnownNode> Nodes, PlacementTable Table) : IMessage;

    /// <summary>The coordinator of this node has decided: no need to wait for the replicator.</summary>
    public sealed record Decided(PlacementTable Table) : IMessage;

    /// <summary>The shard region exists: the node may ask for its groups.</summary>
    public sealed record KeepGroups(IActorRef Region) : IMessage;

    /// <summary>This node's link to a peer broke or fell silent.</summary>
    public sealed record PeerSuspected(string NodeId, string Reason, PeerLoss Loss) : IMessage;

    /// <summary>The link to a suspected peer is up again.</summary>
    public sealed record PeerTrusted(string NodeId) : IMessage;

    internal sealed class Tick : IMessage
    {
        public static readonly Tick Instance = new();
    }
}
