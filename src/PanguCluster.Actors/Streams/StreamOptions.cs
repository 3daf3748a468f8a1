using Akka.Actor;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tokenization;

namespace PanguCluster.Actors.Streams;

/// <summary>Limits of a node's streams.</summary>
/// <param name="MaxStreams">Most streams of this node at once; more are refused as overloaded.</param>
/// <param name="SubmitTimeout">Longest wait for a decoder's answer to a submission.</param>
/// <param name="FindDecoder">Longest wait for any decoder to take the stream.</param>
/// <param name="MaxSubmissions">Most decoders one choice is given to without a token from any.</param>
/// <param name="Retry">How often a stream without a decoder, and the decoders' being there, are looked at again.</param>
public sealed record StreamOptions(int MaxStreams, TimeSpan SubmitTimeout, TimeSpan FindDecoder, int MaxSubmissions, TimeSpan Retry)
{
    public static StreamOptions Default { get; } =
        new(1024, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(30), 16, TimeSpan.FromMilliseconds(100));

    /// <summary>How long a sequence is kept for a caller who has gone without a word. Zero: not at all.</summary>
    public TimeSpan DetachTtl { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often nodes whose decoders are in use are asked whether they are there.</summary>
    public TimeSpan Pulse { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>So many unanswered ones, and the node's decoder is taken for gone until it answers again.</summary>
    public int MissedPulses { get; init; } = 5;

    /// <summary>A decoder with work that finishes no step for so long, and for <see cref="StallFactor"/> of its longest steps, is taken for hung.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The same for a decoder that has not been seen to finish a step yet.</summary>
    public TimeSpan FirstStepStall { get; init; } = TimeSpan.FromMinutes(2);

    public double StallFactor { get; init; } = 8;

    /// <summary>Most streams of a node that leave drained decoders at once: each costs another decoder a prefill.</summary>
    public int HandOvers { get; init; } = 2;

    public RecordOptions Record { get; init; } = RecordOptions.Default;
}

/// <summary>What the streams of a node share.</summary>
/// <param name="Tokenizer">Null: the model has none, and texts are empty.</param>
public sealed record StreamSettings(
    Manifest Manifest, PanguTokenizer? Tokenizer, ClusterView View, LoadGauge LocalLoad, StreamOptions Options, StreamCounters Counters, TimeProvider Time)
{
    /// <summary>Region of the sessions; null: streams leave no record, and a session lives and dies with its stream.</summary>
    public IActorRef? Sessions { get; init; }

    /// <summary>This node's, for the record.</summary>
    public string NodeId { get; init; } = "";

    internal DecoderHealth Health { get; } = new(View);
}
