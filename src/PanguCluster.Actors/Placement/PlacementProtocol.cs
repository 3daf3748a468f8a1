using Akka.Actor;

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

    /// <summary>The shard region exists: the keeper may begin.</summary>
    public sealed record KeepGroups(IActorRef Region) : IMessage;

    /// <summary>This node's link to a peer broke (<paramref name="Reset"/>: its process is gone) or fell silent.</summary>
    public sealed record PeerSuspected(string NodeId, string Reason, bool Reset) : IMessage;

    /// <summary>The link to a suspected peer is up again.</summary>
    public sealed record PeerTrusted(string NodeId) : IMessage;

    internal sealed class Tick : IMessage
    {
        public static readonly Tick Instance = new();
    }
}
