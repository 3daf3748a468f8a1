using System.Text.Json;
using PanguCluster.Model.Tests.Fixtures;

namespace PanguCluster.Model.Tests.Golden;

/// <summary>Reference outputs of one prompt of models/golden/NAME, made by an independent float32 implementation.</summary>
/// <param name="Gaps">[new token] highest logit minus the second.</param>
/// <param name="Layers">Chosen experts, and the least margin by which one was chosen.</param>
internal sealed record GoldenPrompt(string Name, int[] Ids, int[] NewIds, float[] Gaps, GoldenLayer[] Layers, NpyArray Logits)
{
    public static GoldenPrompt[] Read(string model)
    {
        string folder = RepositoryFolder.Path("models", "golden", model, "expected");
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        return [.. json.RootElement.GetProperty("prompts").EnumerateObject().Select(p => new GoldenPrompt(
            p.Name, p.Value.GetProperty("ids").Deserialize<int[]>()!, p.Value.GetProperty("new_ids").Deserialize<int[]>()!,
            p.Value.GetProperty("top1_gap").Deserialize<float[]>()!, [.. p.Value.GetProperty("layers").EnumerateArray().Select(GoldenLayer.Read)],
            NpyArray.Read(Path.Combine(folder, $"{p.Name}.logits.npy"))))];
    }
}

/// <param name="Experts">[prompt row, then decode step][K] ids.</param>
internal sealed record GoldenLayer(int[][] Experts, float MinMargin)
{
    public static GoldenLayer Read(JsonElement layer) => new(
        [.. layer.GetProperty("prefill_experts").Deserialize<int[][]>()!, .. layer.GetProperty("decode_experts").Deserialize<int[][]>()!],
        layer.GetProperty("min_router_logit_margin").GetSingle());
}
