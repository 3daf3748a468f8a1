using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>A decoder that takes sequences.</summary>
public sealed record DecoderNode(string NodeId, IActorRef Decoder, DecoderLoad Load, bool Local)
{
    /// <summary>Its node's: whether it takes new sequences, keeps those it has, or hands them over.</summary>
    public NodeDuty Duty { get; init; }

    /// <summary>A link or heartbeat says that its node is gone or hangs.</summary>
    public bool Suspected { get; init; }
}

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

    /// <summary>A decoder came or went, or its duty or the suspicion of its node changed. Raised on the writer's thread: handlers only pass it on.</summary>
    internal event Action? DecodersChanged;

    internal void Set(ClusterSnapshot snapshot, ImmutableArray<DecoderNode> decoders, bool spansHosts = false)
    {
        Volatile.Write(ref _spansHosts, spansHosts);
        Volatile.Write(ref _current, snapshot);
        var before = Decoders;
        Volatile.Write(ref _decoders, [decoders]);
        // Loads change all the time.
        if (!before.Select(WithoutLoad).SequenceEqual(decoders.Select(WithoutLoad)))
            DecodersChanged?.Invoke();
    }

    private static DecoderNode WithoutLoad(DecoderNode decoder) => decoder with { Load = default };
}
