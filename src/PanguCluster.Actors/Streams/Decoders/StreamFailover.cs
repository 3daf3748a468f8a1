using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>A sequence that has to be started.</summary>
/// <param name="Scores">It brings the prompt's log probabilities too.</param>
/// <param name="ScoresOnly">It brings nothing else.</param>
internal readonly record struct Placement(int Choice, IActorRef Decoder, bool Scores, bool ScoresOnly);

/// <param name="Searching">Something has to run and nowhere is a decoder for it now.</param>
internal readonly record struct PlacementPlan(IReadOnlyList<Placement> Placements, bool Searching);

/// <summary>
/// Where a stream's sequences have to be. A choice that goes on needs one sequence in good standing: at a decoder that is there, answers, makes
/// progress and has answered the submission. Sequences in doubt are kept beside it, because whoever brings the next index first is right.
/// Depends on the present state alone, so a signal that is lost or comes twice does no harm.
/// </summary>
internal sealed class StreamFailover(PlacedSequences sequences)
{
    private readonly HashSet<IActorRef> _excluded = [];

    /// <summary>Not this one, for now: it has refused or given up a sequence.</summary>
    public void Exclude(IActorRef decoder) => _excluded.Add(decoder);

    public void ForgiveAll() => _excluded.Clear();

    /// <param name="running">Whether each choice goes on.</param>
    /// <param name="promptMissing">A caller waits for log probabilities of the prompt.</param>
    /// <param name="usable">Decoders in good standing.</param>
    public PlacementPlan Plan(IReadOnlyList<bool> running, bool promptMissing, ImmutableArray<DecoderNode> usable, DecoderLoad localLoad)
    {
        bool scoring = !promptMissing || sequences.All().Any(s => s.Scores && InGoodStanding(s, usable));
        var placements = new List<Placement>();
        bool searching = false;
        for (int choice = 0; choice < running.Count; choice++)
        {
            if (!running[choice] || sequences.Of(choice).Any(s => InGoodStanding(s, usable)))
                continue;
            Place(choice, scores: !scoring, only: false);
            scoring = true;
        }
        if (!scoring)
            Place(0, scores: true, only: true);
        return new PlacementPlan(placements, searching);

        void Place(int choice, bool scores, bool only)
        {
            if (Target(usable, localLoad, placements) is { } decoder)
                placements.Add(new Placement(choice, decoder, scores, only));
            else
                searching = true;
        }
    }

    public static bool InGoodStanding(PlacedSequence sequence, ImmutableArray<DecoderNode> usable) =>
        !sequence.InDoubt && usable.Any(d => d.Decoder.Equals(sequence.Decoder));

    /// <summary>Another decoder than the excluded is left.</summary>
    public bool HasAnother(ImmutableArray<DecoderNode> usable, DecoderLoad localLoad) => DecoderChoice.Pick(usable, localLoad, _excluded) is not null;

    /// <summary>All choices of a stream to the same decoder, where they share the prompt's KV blocks.</summary>
    private IActorRef? Target(ImmutableArray<DecoderNode> usable, DecoderLoad localLoad, List<Placement> placements)
    {
        if (placements.Count > 0)
            return placements[0].Decoder;
        var neighbour = sequences.All().FirstOrDefault(s => !_excluded.Contains(s.Decoder) && InGoodStanding(s, usable));
        return neighbour?.Decoder ?? DecoderChoice.Pick(usable, localLoad, _excluded)?.Decoder;
    }
}
