using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tokenization;

namespace PanguCluster.Actors.Streams;

/// <summary>Limits of a node's streams.</summary>
/// <param name="MaxStreams">Most streams of this node at once; more are refused as overloaded.</param>
/// <param name="SubmitTimeout">Longest wait for a decoder's answer to a submission.</param>
/// <param name="FindDecoder">Longest wait for any decoder to take the stream.</param>
/// <param name="MaxSubmissions">Most decoders one stream is given to, in all.</param>
/// <param name="Retry">How often a stream without a decoder, and the decoders' being there, are looked at again.</param>
public sealed record StreamOptions(int MaxStreams, TimeSpan SubmitTimeout, TimeSpan FindDecoder, int MaxSubmissions, TimeSpan Retry)
{
    public static StreamOptions Default { get; } =
        new(1024, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(30), 16, TimeSpan.FromMilliseconds(100));
}

/// <summary>What the streams of a node share.</summary>
/// <param name="Tokenizer">Null: the model has none, and texts are empty.</param>
public sealed record StreamSettings(
    Manifest Manifest, PanguTokenizer? Tokenizer, ClusterView View, LoadGauge LocalLoad, StreamOptions Options, StreamCounters Counters, TimeProvider Time);

/// <summary>Counts over all streams of a node.</summary>
public sealed class StreamCounters
{
    private long _active;
    private long _resubmissions;
    private long _violations;

    public long Active => Interlocked.Read(ref _active);

    /// <summary>Times a running stream was taken to another decoder.</summary>
    public long Resubmissions => Interlocked.Read(ref _resubmissions);

    /// <summary>Tokens that two decoders computed differently. Anything but 0 is a bug in a kernel.</summary>
    public long DeterminismViolations => Interlocked.Read(ref _violations);

    internal void Opened() => Interlocked.Increment(ref _active);

    internal void Closed() => Interlocked.Decrement(ref _active);

    internal void Resubmitted() => Interlocked.Increment(ref _resubmissions);

    internal void Violated() => Interlocked.Increment(ref _violations);
}
