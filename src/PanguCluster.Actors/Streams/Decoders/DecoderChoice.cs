using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>Which decoder a stream goes to. Pure.</summary>
public static class DecoderChoice
{
    /// <summary>This node's decoder if nothing waits there; else the one with the shortest queue, then the fewest running, then the lowest id.</summary>
    /// <param name="localLoad">Fresher than what the view has for this node.</param>
    /// <returns>Null: there is none beside the excluded.</returns>
    public static DecoderNode? Pick(ImmutableArray<DecoderNode> decoders, DecoderLoad localLoad, IReadOnlySet<IActorRef> excluded)
    {
        DecoderNode? best = null;
        foreach (var decoder in decoders)
        {
            if (excluded.Contains(decoder.Decoder))
                continue;
            var candidate = decoder.Local ? decoder with { Load = localLoad } : decoder;
            if (candidate.Local && candidate.Load.Waiting == 0)
                return candidate;
            if (best is null || Compare(candidate, best) < 0)
                best = candidate;
        }
        return best;
    }

    private static int Compare(DecoderNode a, DecoderNode b)
    {
        int c = a.Load.Waiting.CompareTo(b.Load.Waiting);
        if (c == 0)
            c = a.Load.Running.CompareTo(b.Load.Running);
        return c != 0 ? c : string.CompareOrdinal(a.NodeId, b.NodeId);
    }
}
