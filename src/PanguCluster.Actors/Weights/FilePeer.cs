using PanguCluster.Actors.Links;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Weights;

/// <summary>A node that may be asked for a file.</summary>
public sealed record FilePeer(string NodeId, LinkEndpoints Endpoints);

/// <summary>Opens the connections that files come over.</summary>
internal sealed class FileLinks(LinkIdentity self, LinkOptions links, string hostId, TimeProvider time)
{
    /// <exception cref="LinkException">No way to the peer, or it refuses.</exception>
    public LinkSocket Ask(FilePeer peer, PackedFile file, long offset) =>
        LinkConnector.Connect(links, self, 0, peer.NodeId, peer.Endpoints, hostId, time, (file.Name, offset)).Socket;
}
