using PanguCluster.Model.Checkpoints;

namespace PanguCluster.Model.Packing;

/// <summary>Completes a manifest from what differs between models: the rest follows from the format, and the digest from all of it.</summary>
internal static class ManifestBuilder
{
    public static Manifest Build(
        string name, CheckpointConfig config, PackFormat format, ElementType halfType, ElementType kvCache, ChatSettings chat,
        IReadOnlyList<PackedFile> files)
    {
        var manifest = new Manifest
        {
            LayoutVersion = Manifest.CurrentLayoutVersion,
            NumericsVersion = Manifest.CurrentNumericsVersion,
            Name = name,
            Shape = config.Shape,
            Format = format,
            Weights = ManifestRules.WeightsOf(format, halfType),
            WeightGroup = ManifestRules.WeightGroupOf(format),
            Embedding = halfType,
            KvCache = kvCache,
            GroupOutput = ManifestRules.StateTypeOf(format),
            TensorParallelSlices = 1,
            BosTokenId = config.BosTokenId,
            EosTokenIds = config.EosTokenIds,
            HasTokenizer = files.Any(f => f.Name == ManifestRules.TokenizerFile),
            Chat = chat,
            Files = files,
            Digest = "",
        };
        return manifest with { Digest = ManifestJson.ComputeDigest(manifest) };
    }
}
