using System.Globalization;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Options;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>A packed model in tables.</summary>
internal static class ModelTables
{
    public static void Write(IAnsiConsole console, PackedModel model, IReadOnlyList<FileVerdict>? verdicts)
    {
        console.Write(Facts(model));
        console.WriteLine();
        console.Write(Files(model, verdicts));
    }

    private static Table Facts(PackedModel model)
    {
        var m = model.Manifest;
        var s = model.Shape;
        var table = Output.Table("what", "is");
        table.ShowHeaders = false;
        table.Row("name", m.Name);
        table.Row("digest", m.Digest);
        string grouped = m.WeightGroup > 0 ? $" in groups of {Number(m.WeightGroup)}" : "";
        table.Row("format", $"{ManifestJson.NameOf(m.Format)} (weights {ManifestJson.NameOf(m.Weights)}{grouped}, embedding {ManifestJson.NameOf(m.Embedding)}, "
            + $"KV cache {ManifestJson.NameOf(m.KvCache)}, group output {ManifestJson.NameOf(m.GroupOutput)})");
        table.Row("versions", $"layout {Number(m.LayoutVersion)}, numerics {Number(m.NumericsVersion)}");
        table.Row("layers", $"{Number(s.Layers)} of hidden size {Number(s.HiddenSize)}");
        table.Row("attention", $"{Number(s.Heads)} heads of {Number(s.HeadDim)}, {Number(s.KvHeads)} key/value heads");
        table.Row("experts", $"{Number(s.Experts)} of {Number(s.ExpertIntermediate)} in {Number(s.Groups)} groups, {Number(s.ExpertsPerToken)} per token; "
            + $"shared {Number(s.SharedIntermediate)}");
        table.Row("vocabulary", $"{Number(s.VocabSize)}, <s> {Number(m.BosTokenId)}, ends {string.Join(", ", m.EosTokenIds.Select(i => Number(i)))}");
        table.Row("positions", $"{Number(s.MaxPositions)}, rope theta {s.RopeTheta.ToString(CultureInfo.InvariantCulture)}");
        table.Row("text", m.HasTokenizer ? "tokenizer, " + (m.Chat.DefaultSystemTurn ? "empty system turn by default" : "no default system turn") : "token ids only");
        table.Row("bytes", $"{ByteSize.Format(m.Files.Sum(f => f.Bytes))} in all, {ByteSize.Format(model.Group.Length)} per group, {ByteSize.Format(model.Trunk.Length)} trunk");
        return table;
    }

    private static Table Files(PackedModel model, IReadOnlyList<FileVerdict>? verdicts)
    {
        var table = Output.Table("file", "bytes", "sha256", "state");
        foreach (var file in model.Manifest.Files)
            table.Row(file.Name, Number(file.Bytes), file.Sha256, StateOf(model, file.Name, verdicts));
        return table;
    }

    internal static string StateOf(PackedModel model, string file, IReadOnlyList<FileVerdict>? verdicts)
    {
        if (model.MissingFiles.Contains(file))
            return "missing";
        if (verdicts is null)
            return "present";
        return verdicts.Single(v => v.File == file).Problem is null ? "verified" : "damaged";
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
