using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Wire;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Weights;

/// <summary>How a process that knows nothing but a node's address learns which model the cluster serves.</summary>
public static class ModelOfferProtocol
{
    /// <summary>Name of the actor that every node has.</summary>
    public const string ActorName = "pangu-model";

    /// <summary>A longer manifest is not offered: it would not fit a control message.</summary>
    public const int MaxManifestBytes = 512 << 10;

    public const int MaxPeers = 64;

    public sealed record ModelAsk : IWireMessage
    {
        public static readonly ModelAsk Instance = new();
    }

    /// <param name="Manifest">manifest.json of the model as it is served.</param>
    /// <param name="Peers">Nodes that send files of it, the best to ask first.</param>
    public sealed record ModelOffer(byte[] Manifest, IReadOnlyList<FilePeer> Peers) : IWireMessage;
}

/// <summary>Answers with the model this node serves.</summary>
internal sealed class ModelOfferActor : UntypedActor
{
    private readonly byte[] _manifest;
    private readonly Func<IReadOnlyList<FilePeer>> _peers;

    /// <param name="peers">This node and others that send files, asked anew each time.</param>
    public ModelOfferActor(Manifest manifest, Func<IReadOnlyList<FilePeer>> peers)
    {
        _manifest = ManifestJson.Write(manifest);
        _peers = peers;
        if (_manifest.Length > ModelOfferProtocol.MaxManifestBytes)
            Context.GetLogger().Warning(
                "nodes cannot join with an empty folder: the manifest has {0} bytes, the limit is {1}", _manifest.Length, ModelOfferProtocol.MaxManifestBytes);
    }

    protected override void OnReceive(object message)
    {
        if (message is not ModelOfferProtocol.ModelAsk)
            Unhandled(message);
        else if (_manifest.Length <= ModelOfferProtocol.MaxManifestBytes)
            Sender.Tell(new ModelOfferProtocol.ModelOffer(_manifest, [.. _peers().Take(ModelOfferProtocol.MaxPeers)]));
    }
}
