using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Shapes;
using PanguCluster.Model.Tokenization;

namespace PanguCluster.Model.Packing;

/// <param name="Written">Bytes written so far, of all files.</param>
/// <param name="Total">Bytes of the whole packed model, tokenizer files not counted.</param>
/// <param name="File">The file being written.</param>
public readonly record struct PackProgress(long Written, long Total, string File);

/// <param name="Overwrite">Replace a packed model that stands at the destination.</param>
/// <param name="Name">The model's name; null: the checkpoint folder's.</param>
/// <param name="KvCache">F32, Bf16 or I8; null: the format's own.</param>
public sealed record PackOptions(PackFormat Format = PackFormat.Bf16, bool Overwrite = false, string? Name = null, ElementType? KvCache = null);

/// <summary>
/// Turns a Hugging Face checkpoint into a packed model. Streaming: holds one strip of 64 output rows at a time. Atomic: the
/// destination appears complete or not at all.
/// </summary>
public static class Packer
{
    /// <exception cref="ModelFormatException">The checkpoint cannot be used or the destination not be written; says which file and field.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left behind.</exception>
    public static PackedModel Pack(
        string source, string destination, PackOptions options, IProgress<PackProgress>? progress = null, CancellationToken cancel = default)
    {
        using var checkpoint = Checkpoint.Open(source);
        var config = checkpoint.Config;
        var shape = config.Shape;
        var halfType = HalfTypeOf(checkpoint, options.Format);
        var type = ManifestRules.WeightsOf(options.Format, halfType);
        var trunk = new TrunkLayout(shape, type, halfType);
        var group = new GroupLayout(shape, type);
        var text = TokenizerFiles.Inspect(source, config);
        var meter = new Meter(progress, trunk.Length + group.Length * shape.Groups);

        using var transaction = new PackTransaction(destination, options.Overwrite);
        var files = new List<PackedFile>();
        using (var file = meter.Create(transaction.Folder, PackedModel.TrunkFileName, cancel))
            files.Add(TrunkPacker.Write(file, trunk, checkpoint));
        for (int g = 0; g < shape.Groups; g++)
            using (var file = meter.Create(transaction.Folder, PackedModel.GroupFileName(g), cancel))
                files.Add(WriteGroup(file, group, g, checkpoint));
        files.AddRange(text.Copy(transaction.Folder, cancel));
        string name = options.Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)));
        var kvCache = options.KvCache ?? ManifestRules.StateTypeOf(options.Format);
        return transaction.Commit(ManifestBuilder.Build(name, text.Complete(config), options.Format, halfType, kvCache, text.Chat, files));
    }

    private static PackedFile WriteGroup(PackedFileWriter file, GroupLayout layout, int group, Checkpoint checkpoint)
    {
        var shape = layout.Shape;
        var panels = new PanelWriter(file);
        for (int layer = 0; layer < shape.Layers; layer++)
            for (int e = 0; e < shape.ExpertsPerGroup; e++)
            {
                int expert = group * shape.ExpertsPerGroup + e;
                var at = layout.Experts[layer, e];
                using var gate = Read(checkpoint, TensorNames.Expert(layer, expert, "gate_proj"), shape.HiddenSize);
                using var up = Read(checkpoint, TensorNames.Expert(layer, expert, "up_proj"), shape.HiddenSize);
                using var down = Read(checkpoint, TensorNames.Expert(layer, expert, "down_proj"), shape.ExpertIntermediate);
                panels.WritePair(at.GateUp, gate, up);
                panels.Write(at.Down, down);
            }
        return file.Finish(layout.Length);
    }

    internal static StackedMatrix Read(Checkpoint checkpoint, string name, int columns) => new(new MatrixReader(checkpoint, name, columns));

    /// <summary>
    /// The 16-bit type: the checkpoint's own. F16 only where every stored 16-bit tensor is F16; F32 rounds to BF16. A mixture of F16
    /// and BF16 has no lossless 16-bit form and is refused.
    /// </summary>
    private static ElementType HalfTypeOf(Checkpoint checkpoint, PackFormat format)
    {
        if (format != PackFormat.Bf16)
            return checkpoint[TensorNames.Embedding].Info.Element == ElementType.F16 ? ElementType.F16 : ElementType.Bf16;
        TensorInfo? f16 = null, other = null;
        foreach (var (name, shape) in TensorNames.All(checkpoint.Config.Shape))
        {
            if (shape.Length < 2 || name.EndsWith(".mlp.gate.weight", StringComparison.Ordinal))
                continue;
            var info = checkpoint[name].Info;
            if (info.Element == ElementType.F16)
                f16 ??= info;
            else
                other ??= info;
        }
        if (f16 is not null && other is not null)
            throw new ModelFormatException(
                $"{checkpoint.Folder}: tensor {f16.Name} is F16 and {other.Name} is {other.DataType}: format bf16 needs matrices of one type; pack with --format w8a8 or w4a8");
        return f16 is not null ? ElementType.F16 : ElementType.Bf16;
    }

    /// <summary>Adds up what the writers write and reports it, at most once per 4 MiB.</summary>
    private sealed class Meter(IProgress<PackProgress>? progress, long total)
    {
        private const long Step = 4 << 20;
        private long _written;
        private long _reported;

        public PackedFileWriter Create(string folder, string name, CancellationToken cancel) => new(folder, name, cancel, bytes =>
        {
            _written += bytes;
            if (_written - _reported < Step && _written != total)
                return;
            _reported = _written;
            progress?.Report(new PackProgress(_written, total, name));
        });
    }
}
