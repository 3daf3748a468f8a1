using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels;

/// <summary>
/// Opens the two kinds of compute handle there are. Two implementations: native (C++, AVX-512/AVX2/portable) and managed (the
/// reference). Both follow NUMERICS.md, so for one packed model they give the same bits.
/// </summary>
public interface IKernels
{
    /// <summary>"managed", or the instruction set of the native kernels: "avx512", "avx2", "portable".</summary>
    string Name { get; }

    /// <exception cref="ModelFormatException">The file is missing, has the wrong size or digest.</exception>
    ITrunk OpenTrunk(PackedModel model, TrunkOptions options);

    /// <exception cref="ModelFormatException">The file is missing, has the wrong size or digest.</exception>
    IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options);
}

/// <param name="MaxRows">Most token rows of one step; every row buffer is sized by it.</param>
/// <param name="KvBlocks">Blocks of 64 positions in the paged KV cache (each spans all layers).</param>
/// <param name="MaxPositions">Longest sequence; sizes the RoPE tables. At most the shape's own limit.</param>
/// <param name="Threads">Worker threads owned by the handle, the calling thread included.</param>
/// <param name="VerifyDigest">Recompute the file's SHA-256 when mapping it.</param>
public sealed record TrunkOptions(int MaxRows, int KvBlocks, int MaxPositions, int Threads = 1, bool VerifyDigest = true);

public sealed record GroupOptions(int MaxRows, int Threads = 1, bool VerifyDigest = true);

/// <summary>
/// All that is not a routed expert, for one decoder: weights, KV cache, workspace. One caller at a time; a call returns when its
/// work is done. No call allocates. Hidden rows are f32 [rows, H]; spans may be longer than needed, only the first rows are used.
/// </summary>
public interface ITrunk : IDisposable
{
    /// <summary>hidden[r] = embedding[batch.Tokens[r]], widened to f32.</summary>
    void Embed(StepBatch batch, Span<float> hidden);

    /// <summary>
    /// hidden += Wo * attention(RoPE(Wqkv * rms(hidden) + b)) + bo for one layer; writes the rows' keys and values to the cache first,
    /// so that a row sees itself and all earlier positions of its own sequence (those before this step and those in it).
    /// </summary>
    void Attend(int layer, StepBatch batch, Span<float> hidden);

    /// <summary>Post-attention norm, router, and the encoded activation rows: fills Activations, Experts and Weights of the dispatch.</summary>
    void Route(int layer, ReadOnlySpan<float> hidden, LayerDispatch dispatch);

    /// <summary>shared[r] = SwiGLU of the shared expert over the dispatch's encoded rows, f32 [rows, H].</summary>
    void SharedExpert(int layer, LayerDispatch dispatch, Span<float> shared);

    /// <summary>hidden += (group 0 + group 1 + ... ) + shared, in this order.</summary>
    void Combine(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden);

    /// <summary>logits[i] = Whead * rms(hidden[batch.LogitRows[i]]), f32 [batch.LogitCount, V].</summary>
    void Logits(StepBatch batch, ReadOnlySpan<float> hidden, Span<float> logits);
}

/// <summary>One expert group's weights, all layers: what a device owns.</summary>
public interface IExpertGroup : IDisposable
{
    int Group { get; }

    /// <summary>
    /// For every row, the sum over its chosen experts of this group (ascending id) of weight * SwiGLU(row), rounded to the model's
    /// group output type.
    /// </summary>
    /// <param name="layer">0-based layer.</param>
    /// <param name="rows">Number of token rows.</param>
    /// <param name="activations">[rows, ActivationRow.Bytes] as <see cref="ITrunk.Route"/> encoded them.</param>
    /// <param name="experts">[rows, K/M] ids within the group, ascending in a row.</param>
    /// <param name="weights">[rows, K/M] softmax probability times router scale.</param>
    /// <param name="output">[rows, H] in the model's group output type.</param>
    void Forward(int layer, int rows, ReadOnlySpan<byte> activations, ReadOnlySpan<int> experts, ReadOnlySpan<float> weights, Span<byte> output);
}
