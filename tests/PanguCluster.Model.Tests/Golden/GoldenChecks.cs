using System.Text.Json;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;

namespace PanguCluster.Model.Tests.Golden;

/// <summary>
/// Compares any kernels with the reference outputs. A check returns what is wrong, one line each; none: all is right. Linked into the
/// test project of the native kernels too.
/// </summary>
internal static class GoldenChecks
{
    private const double LogitsTolerance = 5e-3;
    private const float SureMargin = 1e-4f;
    private const float SureGap = 1e-2f;

    private static readonly DecoderOptions _options = new(MaxRows: 64, MaxSequences: 16, KvBlocks: 64, MaxPositions: 512);

    /// <summary>models/golden/NAME: logits of all positions, expert choices of prompt and answer, greedy answers.</summary>
    public static List<string> Tiny(IKernels kernels, PackedModel model, string name)
    {
        using var local = new LocalModel(kernels, model, _options, verifyDigest: false);
        var wrong = new List<string>();
        foreach (var prompt in GoldenPrompt.Read(name))
        {
            CompareForced(local, prompt, wrong);
            int[] greedy = Greedy(local, prompt.Ids, prompt.NewIds.Length);
            for (int i = 0; i < greedy.Length && (greedy[i] == prompt.NewIds[i] || prompt.Gaps[i] > SureGap); i++)
                if (greedy[i] != prompt.NewIds[i])
                {
                    wrong.Add($"{prompt.Name}: greedy token {i} is {greedy[i]}, the reference has {prompt.NewIds[i]}");
                    break;
                }
        }
        return wrong;
    }

    /// <summary>
    /// models/pangu-nano: the greedy answers, up to where the two highest logits are within 1e-2, and the ten highest logits after the prompt.
    /// </summary>
    public static List<string> Nano(IKernels kernels, PackedModel model, float logitTolerance)
    {
        using var local = new LocalModel(kernels, model, _options);
        using var json = JsonDocument.Parse(File.ReadAllBytes(RepositoryFolder.Path("models", "pangu-nano", "golden.json")));
        var wrong = new List<string>();
        foreach (var prompt in json.RootElement.GetProperty("prompts").EnumerateArray())
        {
            string name = prompt.GetProperty("prompt").GetString()!;
            int[] ids = prompt.GetProperty("ids").Deserialize<int[]>()!;
            int[] expected = prompt.GetProperty("greedy_ids").Deserialize<int[]>()!;
            var forced = local.LogitsOf([.. ids, .. expected[..^1]])[(ids.Length - 1)..];
            int sure = Array.FindIndex(forced, l => Gap(l) <= SureGap);
            int compared = sure < 0 ? expected.Length : sure;
            int[] greedy = Greedy(local, ids, expected.Length);
            int same = greedy.AsSpan().CommonPrefixLength(expected);
            if (same < compared)
                wrong.Add($"{name}: greedy token {same} is {greedy[same]}, the reference has {expected[same]}; {compared} are sure");
            foreach (var pair in prompt.GetProperty("top10").EnumerateArray())
                if (Math.Abs(forced[0][pair[0].GetInt32()] - pair[1].GetSingle()) > logitTolerance)
                    wrong.Add($"{name}: logit of {pair[0]} is {forced[0][pair[0].GetInt32()]}, the reference has {pair[1]}");
        }
        return wrong;
    }

    /// <summary>Feeds the prompt in one piece and then the reference's own answer a token at a time.</summary>
    private static void CompareForced(LocalModel local, GoldenPrompt prompt, List<string> wrong)
    {
        var experts = prompt.Layers.Select(_ => new List<int[]>()).ToArray();
        var harness = new StepHarness(local) { OnDispatch = d => experts[d.Layer].AddRange(ExpertsOf(d, local.Packed)) };
        var track = new StepHarness.Track([.. prompt.Ids, .. prompt.NewIds]);
        var logits = harness.Step((track, prompt.Ids.Length));
        for (int step = 1; step < prompt.NewIds.Length; step++)
            harness.Step((track, 1));

        for (int row = 0; row < logits.Length; row++)
            if (RelativeError(prompt.Logits.Row(row), logits[row]) is var error && !(error <= LogitsTolerance))
                wrong.Add($"{prompt.Name}: logits after token {row} are off by {error:E2} (relative L2)");
        for (int layer = 0; layer < experts.Length; layer++)
        {
            var expected = prompt.Layers[layer];
            if (expected.Experts.Length != experts[layer].Count)
                wrong.Add($"{prompt.Name}: layer {layer} has {experts[layer].Count} rows, the reference {expected.Experts.Length}");
            else if (expected.MinMargin > SureMargin)
                for (int row = 0; row < expected.Experts.Length; row++)
                    if (!expected.Experts[row].SequenceEqual(experts[layer][row]))
                        wrong.Add($"{prompt.Name}: layer {layer}, row {row}: experts {string.Join(' ', experts[layer][row])}");
        }
    }

    private static IEnumerable<int[]> ExpertsOf(LayerDispatch dispatch, PackedModel model)
    {
        var shape = model.Shape;
        for (int row = 0; row < dispatch.Rows; row++)
        {
            var ids = new int[shape.ExpertsPerToken];
            for (int g = 0; g < shape.Groups; g++)
                for (int i = 0; i < shape.ChosenPerGroup; i++)
                    ids[g * shape.ChosenPerGroup + i] =
                        g * shape.ExpertsPerGroup + dispatch.ExpertsOf(g)[row * shape.ChosenPerGroup + i];
            yield return ids;
        }
    }

    private static int[] Greedy(LocalModel local, int[] prompt, int count)
    {
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        engine.Submit(Requests.Of(1, prompt, count));
        driver.RunToEnd(sink);
        return sink.Ids(Requests.Id(1));
    }

    private static float Gap(float[] logits)
    {
        var best = logits.OrderDescending().Take(2).ToArray();
        return best[0] - best[1];
    }

    private static double RelativeError(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow((double)expected[i] - actual[i], 2);
            norm += Math.Pow(expected[i], 2);
        }
        return Math.Sqrt(difference / norm);
    }
}
