using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>A decoder that takes sequences.</summary>
public sealed record DecoderNode(string NodeId, IActorRef Decoder, DecoderLoad Load, bool Local);

/// <summary>What the placement actor last worked out, for everybody to read without asking.</summary>
public sealed class ClusterView : IClusterView
{
    private ClusterSnapshot _current;
    private ImmutableArray<DecoderNode>[] _decoders = [[]];
    private bool _spansHosts;

    public ClusterView(Manifest manifest, long groupBytes) =>
        _current = ClusterKnowledge.Snapshot(
            [], manifest, PlacementTable.Empty, RouteTable.Empty(manifest.Shape.Groups), ImmutableHashSet<string>.Empty, groupBytes);

    public ClusterSnapshot Current => Volatile.Read(ref _current);

    /// <summary>Live decoders of the same model, this node's included.</summary>
    public ImmutableArray<DecoderNode> Decoders => Volatile.Read(ref _decoders)[0];

    /// <summary>Whether nodes of this cluster are on different machines.</summary>
    public bool SpansHosts => Volatile.Read(ref _spansHosts);

    internal void Set(ClusterSnapshot snapshot, ImmutableArray<DecoderNode> decoders, bool spansHosts = false)
    {
        Volatile.Write(ref _spansHosts, spansHosts);
        Volatile.Write(ref _current, snapshot);
        Volatile.Write(ref _decoders, [decoders]);
    }
}
