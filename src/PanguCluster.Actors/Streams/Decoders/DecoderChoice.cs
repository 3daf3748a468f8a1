using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>Which decoder a stream goes to. Pure.</summary>
public static class DecoderChoice
{
    /// <summary>
    /// Among those with the lightest duty: this node's decoder if nothing waits there; else the one with the shortest queue, then the fewest
    /// running, then the lowest id.
    /// </summary>
    /// <remarks>
    /// A cordon keeps new work away as long as somebody else takes it, and refuses none that nobody else takes. A decoder that is being drained
    /// gets something only if there is no other at all, not even one that has refused: what it gets has to leave it again.
    /// </remarks>
    /// <param name="localLoad">Fresher than what the view has for this node.</param>
    /// <returns>Null: there is none beside the excluded.</returns>
    public static DecoderNode? Pick(ImmutableArray<DecoderNode> decoders, DecoderLoad localLoad, IReadOnlySet<IActorRef> excluded)
    {
        DecoderNode? best = null;
        bool anyStays = decoders.Any(Stays);
        foreach (var decoder in decoders)
        {
            if (excluded.Contains(decoder.Decoder) || (anyStays && !Stays(decoder)))
                continue;
            var candidate = decoder.Local ? decoder with { Load = localLoad } : decoder;
            if (best is null || Compare(candidate, best) < 0)
                best = candidate;
        }
        return best;
    }

    /// <summary>What it has need not leave it.</summary>
    public static bool Stays(DecoderNode decoder) => decoder.Duty != NodeDuty.Drains;

    private static int Compare(DecoderNode a, DecoderNode b)
    {
        int c = a.Duty.CompareTo(b.Duty);
        if (c == 0)
            c = IsFreeHere(b).CompareTo(IsFreeHere(a));
        if (c == 0)
            c = a.Load.Waiting.CompareTo(b.Load.Waiting);
        if (c == 0)
            c = a.Load.Running.CompareTo(b.Load.Running);
        return c != 0 ? c : string.CompareOrdinal(a.NodeId, b.NodeId);
    }

    private static bool IsFreeHere(DecoderNode decoder) => decoder.Local && decoder.Load.Waiting == 0;
}
