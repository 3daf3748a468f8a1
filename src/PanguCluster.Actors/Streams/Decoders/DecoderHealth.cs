using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement;

namespace PanguCluster.Actors.Streams;

/// <summary>Which decoders may be trusted with a sequence now, for a node's streams to read. Written by the stream supervisor.</summary>
internal sealed class DecoderHealth(ClusterView view)
{
    private sealed record Doubts(ImmutableHashSet<Address> Silent, ImmutableHashSet<IActorRef> Stalled);

    private Doubts _doubts = new([], []);

    /// <summary>
    /// Decoders of the view that answer and make progress. That a link to a node is in trouble counts as long as another decoder is left: its
    /// pulse may be well.
    /// </summary>
    public ImmutableArray<DecoderNode> Usable
    {
        get
        {
            var doubts = Volatile.Read(ref _doubts);
            var decoders = view.Decoders;
            if (decoders.Any(d => d.Suspected))
            {
                var answering = Without(decoders, doubts);
                var trusted = answering.RemoveAll(d => d.Suspected);
                return trusted.IsEmpty ? answering : trusted;
            }
            return Without(decoders, doubts);
        }
    }

    private static ImmutableArray<DecoderNode> Without(ImmutableArray<DecoderNode> decoders, Doubts doubts) =>
        doubts.Silent.IsEmpty && doubts.Stalled.IsEmpty
            ? decoders
            : decoders.RemoveAll(d => (!d.Local && doubts.Silent.Contains(d.Decoder.Path.Address)) || doubts.Stalled.Contains(d.Decoder));

    public void Doubt(ImmutableHashSet<Address> silent, ImmutableHashSet<IActorRef> stalled) =>
        Volatile.Write(ref _doubts, new Doubts(silent, stalled));
}
