using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>A sequence at work for a stream.</summary>
/// <param name="Scores">Brings the prompt's log probabilities.</param>
/// <param name="ScoresOnly">Its tokens are not needed.</param>
internal sealed record PlacedSequence(SequenceId Id, int Choice, IActorRef Decoder, bool Scores, bool ScoresOnly)
{
    /// <summary>
    /// Its decoder has not answered the submission in time, or was taken for gone: what it sent meanwhile, its end too, may be lost.
    /// Until it brings the next token again.
    /// </summary>
    public bool InDoubt { get; set; }

    /// <summary>How far behind the sequence was that it follows in a hand-over; null: none.</summary>
    public int? Behind { get; init; }
}

/// <summary>Which sequences of a stream run where: one of every choice as a rule, two while a decoder is in doubt.</summary>
internal sealed class PlacedSequences
{
    private readonly Dictionary<SequenceId, PlacedSequence> _byId = [];

    public int Count => _byId.Count;

    public void Add(PlacedSequence sequence) => _byId.Add(sequence.Id, sequence);

    public PlacedSequence? Find(SequenceId id) => _byId.GetValueOrDefault(id);

    public bool Remove(SequenceId id) => _byId.Remove(id);

    public bool Uses(IActorRef decoder) => _byId.Values.Any(s => s.Decoder.Equals(decoder));

    public PlacedSequence[] At(IActorRef decoder) => [.. _byId.Values.Where(s => s.Decoder.Equals(decoder))];

    /// <summary>Those that bring tokens of the choice.</summary>
    public PlacedSequence[] Of(int choice) => [.. _byId.Values.Where(s => s.Choice == choice && !s.ScoresOnly)];

    /// <summary>Those at other decoders than these are in doubt from now on, also when their decoder comes back.</summary>
    public void Doubt(ImmutableArray<DecoderNode> usable)
    {
        foreach (var sequence in _byId.Values)
            sequence.InDoubt |= !usable.Any(d => d.Decoder.Equals(sequence.Decoder));
    }

    public PlacedSequence[] All() => [.. _byId.Values];

    /// <summary>Whether the choice has another sequence than this one. Asked for every token.</summary>
    public bool HasRival(PlacedSequence sequence)
    {
        if (_byId.Count == 1)
            return false;
        foreach (var other in _byId.Values)
            if (other.Choice == sequence.Choice && other.Id != sequence.Id && !other.ScoresOnly)
                return true;
        return false;
    }
}
