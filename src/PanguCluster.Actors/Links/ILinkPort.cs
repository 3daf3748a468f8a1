using Akka.Actor;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Links;

/// <summary>The router's end of a link to one peer.</summary>
public interface ILinkPort
{
    string NodeId { get; }

    bool IsUp { get; }

    /// <summary>
    /// Copies the layer's rows and the named groups' choices into a frame and queues it; the dispatch may change right after.
    /// False: the link is down or has too many unanswered frames; nothing was sent.
    /// </summary>
    bool TrySend(LayerDispatch dispatch, ReadOnlySpan<int> groups, long attempt);
}

/// <summary>How a peer was lost: the greater, the surer that its process is gone.</summary>
public enum PeerLoss
{
    /// <summary>Nothing comes from it, or what it should not send: it may hang, or the network may.</summary>
    Silent,

    /// <summary>The connection ended without a word, as it does when the process ends.</summary>
    Reset,

    /// <summary>Its machine answers that nobody listens there any more.</summary>
    NoListener,
}

/// <summary>What links tell the router.</summary>
public static class LinkEvents
{
    public sealed record Up(ILinkPort Link, string Endpoint) : INoSerializationVerificationNeeded;

    /// <summary>The peer is suspected: reset, silent, or misbehaving. Told once; the link object is dead afterwards.</summary>
    /// <param name="Refused">The peer is alive and does not want this link.</param>
    public sealed record Down(ILinkPort Link, string Reason, bool Refused, PeerLoss Loss = PeerLoss.Silent) : INoSerializationVerificationNeeded;
}
