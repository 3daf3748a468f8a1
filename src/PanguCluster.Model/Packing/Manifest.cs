using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Packing;

/// <summary>One file of a packed model.</summary>
public sealed record PackedFile(string Name, long Bytes, string Sha256);

/// <summary>How turns of a conversation are written for this model.</summary>
/// <param name="DefaultSystemTurn">Whether an empty system turn is written when the caller gives none (the original family does).</param>
public sealed record ChatSettings(bool DefaultSystemTurn);

/// <summary>
/// <c>manifest.json</c> of a packed model: everything that determines a single bit of its output, and the digest over it.
/// </summary>
public sealed record Manifest
{
    /// <summary>The numerics contract this build implements; see <c>Kernels/NUMERICS.md</c>.</summary>
    public const int CurrentNumericsVersion = 1;

    /// <summary>The file layout this build reads.</summary>
    public const int CurrentLayoutVersion = 1;

    public required int LayoutVersion { get; init; }
    public required int NumericsVersion { get; init; }

    /// <summary>Name for people and for GetModel: the checkpoint folder's name unless told otherwise.</summary>
    public required string Name { get; init; }

    public required ModelShape Shape { get; init; }
    public required PackFormat Format { get; init; }

    /// <summary>Element type of every packed matrix except the gate: I8 for w8a8, I4 for w4a8, else the checkpoint's own 16-bit type.</summary>
    public required ElementType Weights { get; init; }

    /// <summary>Inputs that share a scale per output: 128 for w4a8, 0 where a scale spans all inputs or there is none.</summary>
    public int WeightGroup { get; init; }

    public required ElementType Embedding { get; init; }

    /// <summary>KV cache elements: F32, Bf16, or I8 with a scale per token and head (numerics rule 5).</summary>
    public required ElementType KvCache { get; init; }

    /// <summary>Bytes that one token's keys and values take, over all layers.</summary>
    public long KvTokenBytes =>
        2L * Shape.Layers * Shape.KvHeads * (Shape.HeadDim * KvCache.Size() + (KvCache == ElementType.I8 ? sizeof(float) : 0));

    /// <summary>A group's output as it leaves the device and crosses a link: F32 or Bf16 (numerics rule 7).</summary>
    public required ElementType GroupOutput { get; init; }

    /// <summary>Canonical tensor-parallel slices (numerics rule 9). This build writes and reads 1.</summary>
    public required int TensorParallelSlices { get; init; }

    public required int BosTokenId { get; init; }

    /// <summary>Ids that end a generation (config and generation_config together).</summary>
    public required IReadOnlyList<int> EosTokenIds { get; init; }

    public required bool HasTokenizer { get; init; }
    public required ChatSettings Chat { get; init; }

    /// <summary>trunk.bin, group-00.bin ..., and tokenizer files if any.</summary>
    public required IReadOnlyList<PackedFile> Files { get; init; }

    /// <summary>SHA-256 (lower-case hex) over the canonical JSON of all the above. Two models with one digest give the same bits.</summary>
    public required string Digest { get; init; }
}
