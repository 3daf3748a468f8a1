using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>A sequence that has to be started.</summary>
/// <param name="Scores">It brings the prompt's log probabilities too.</param>
/// <param name="ScoresOnly">It brings nothing else.</param>
internal readonly record struct Placement(int Choice, IActorRef Decoder, bool Scores, bool ScoresOnly)
{
    /// <summary>Of one that is to take over from a sequence in good standing: how far the one before it was behind. Null: it is the first.</summary>
    public int? Behind { get; init; }

    /// <summary>It is to take over from a sequence in good standing whose decoder is being drained.</summary>
    public bool TakesOver { get; init; }
}

/// <param name="HandOvers">Of choices that are well where they are, and have to leave all the same.</param>
/// <param name="Searching">Something has to run and nowhere is a decoder for it now.</param>
/// <param name="Refused">Something has to leave, and those who could take it have refused.</param>
internal readonly record struct PlacementPlan(IReadOnlyList<Placement> Placements, IReadOnlyList<Placement> HandOvers, bool Searching, bool Refused);

/// <summary>
/// Where a stream's sequences have to be. A choice that goes on needs one sequence in good standing: at a decoder that is there, answers, makes
/// progress and has answered the submission. Sequences in doubt are kept beside it, because whoever brings the next index first is right. If its
/// decoder is being drained and another one is not, it needs a second one there, and the first goes on until that one has a token.
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
        var handOvers = new List<Placement>();
        bool searching = false;
        bool refused = false;
        for (int choice = 0; choice < running.Count; choice++)
        {
            if (!running[choice])
                continue;
            if (sequences.Of(choice).Any(s => InGoodStanding(s, usable)))
            {
                HandOver(choice);
                continue;
            }
            Place(choice, scores: !scoring, only: false);
            scoring = true;
        }
        if (!scoring)
            Place(0, scores: true, only: true);
        return new PlacementPlan(placements, handOvers, searching, refused);

        void Place(int choice, bool scores, bool only)
        {
            if (Target(usable, localLoad, placements) is { } decoder)
                placements.Add(new Placement(choice, decoder, scores, only));
            else
                searching = true;
        }

        void HandOver(int choice)
        {
            var staying = usable.Where(DecoderChoice.Stays).ToImmutableArray();
            if (staying.IsEmpty || sequences.Of(choice).Any(s => InGoodStanding(s, staying)))
                return;
            if (Target(staying, localLoad, handOvers) is { } decoder)
                handOvers.Add(new Placement(choice, decoder, false, false) { TakesOver = true });
            else
                refused = true;
        }
    }

    public static bool InGoodStanding(PlacedSequence sequence, ImmutableArray<DecoderNode> usable) =>
        !sequence.InDoubt && usable.Any(d => d.Decoder.Equals(sequence.Decoder));

    /// <summary>In good standing, and need not leave.</summary>
    public static bool IsAtHome(PlacedSequence sequence, ImmutableArray<DecoderNode> usable) => !sequence.InDoubt
        && usable.Any(d => d.Decoder.Equals(sequence.Decoder) && DecoderChoice.Stays(d));

    /// <summary>
    /// Whether a sequence that is to take over has come close enough, with its first token, for the other to end: what it is behind is a silence
    /// then. It is behind by what the other brought during its prefill; a new sequence finds most of that prefill done and is behind by less,
    /// until there is no more to be gained by yet another.
    /// </summary>
    /// <param name="behind">Tokens.</param>
    /// <param name="before">Its predecessor's at the same decoder; null: it has none.</param>
    public static bool IsClose(int behind, int? before) => behind <= CloseTokens || (before is { } former && behind > former / 2);

    private const int CloseTokens = 2;

    /// <summary>Another decoder than the excluded is left.</summary>
    public bool HasAnother(ImmutableArray<DecoderNode> usable, DecoderLoad localLoad) => DecoderChoice.Pick(usable, localLoad, _excluded) is not null;

    /// <summary>All choices of a stream to the same decoder, where they share the prompt's KV blocks.</summary>
    private IActorRef? Target(ImmutableArray<DecoderNode> usable, DecoderLoad localLoad, List<Placement> placements)
    {
        if (placements.Count > 0)
            return placements[0].Decoder;
        var neighbour = sequences.All().FirstOrDefault(s => !_excluded.Contains(s.Decoder) && InGoodStanding(s, usable)
            && (IsAtHome(s, usable) || !usable.Any(DecoderChoice.Stays)));
        return neighbour?.Decoder ?? DecoderChoice.Pick(usable, localLoad, _excluded)?.Decoder;
    }
}
