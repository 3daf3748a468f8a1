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

/// <summary>What links tell the router.</summary>
public static class LinkEvents
{
    public sealed record Up(ILinkPort Link, string Endpoint) : INoSerializationVerificationNeeded;

    /// <summary>The peer is suspected: reset, silent, or misbehaving. Told once; the link object is dead afterwards.</summary>
    /// <param name="Refused">The peer is alive and does not want this link.</param>
    /// <param name="Reset">The connection ended without a word, or nothing listens any more: the peer's process is gone.</param>
    public sealed record Down(ILinkPort Link, string Reason, bool Refused, bool Reset = false) : INoSerializationVerificationNeeded;
}
