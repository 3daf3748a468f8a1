using Google.Protobuf;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Weights;

namespace PanguCluster.Actors.Wire;

/// <summary>The model offer as protobuf. What it says is judged by <see cref="ModelJoin"/>, which can tell the operator; a frame's limit bounds it until then.</summary>
internal static class ModelOfferWire
{
    public static Proto.ModelOffer Write(ModelOfferProtocol.ModelOffer offer)
    {
        var message = new Proto.ModelOffer { Manifest = ByteString.CopyFrom(offer.Manifest) };
        foreach (var p in offer.Peers)
            message.Peers.Add(new Proto.FileSource { NodeId = p.NodeId, Unix = p.Endpoints.Unix, Tcp = p.Endpoints.Tcp, HostId = p.Endpoints.HostId });
        return message;
    }

    public static ModelOfferProtocol.ModelOffer Read(Proto.ModelOffer m) =>
        new([.. m.Manifest], [.. m.Peers.Select(p => new FilePeer(p.NodeId, new LinkEndpoints(p.Unix, p.Tcp, p.HostId)))]);
}
