using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;

namespace PanguCluster.Model.Tests.Kernels;

/// <summary>
/// What design rule "a token is a pure function" asks of any kernels. Every check returns null, or the first bit that differs. Linked into
/// the test project of the native kernels too.
/// </summary>
internal static class BitsChecks
{
    /// <summary>Long enough for three KV blocks.</summary>
    private const int TextLength = 150;

    private static readonly DecoderOptions _options = new(MaxRows: TextLength, KvBlocks: 160, MaxPositions: 256);

    /// <summary>A prompt in one piece = in chunks of 64, 7 and 1.</summary>
    public static string? Chunking(IKernels kernels, PackedModel model)
    {
        int[] text = Requests.Tokens(TextLength, model.Shape.VocabSize, seed: 3);
        var whole = Logits(kernels, model, text, TextLength);
        foreach (int rows in (int[])[64, 7, 1])
            if (Bits.Difference($"logits in chunks of {rows}", whole, Logits(kernels, model, text, rows)) is { } difference)
                return difference;
        return null;
    }

    /// <summary>A sequence alone = the same sequence among strangers that prefill and decode beside it.</summary>
    public static string? Strangers(IKernels kernels, PackedModel model, int strangers = 63)
    {
        int vocabulary = model.Shape.VocabSize;
        int[] text = Requests.Tokens(80, vocabulary, seed: 5);
        using var alone = new LocalModel(kernels, model, _options);
        using var crowd = new LocalModel(kernels, model, _options);
        var (first, second) = (new StepHarness(alone), new StepHarness(crowd));
        var (lone, guest) = (new StepHarness.Track(text), new StepHarness.Track(text));
        var others = Enumerable.Range(0, strangers).Select(i => new StepHarness.Track(Requests.Tokens(40, vocabulary, 100 + i))).ToArray();

        // 60 tokens of prompt alone; then a row at a time, every time at another place among rows of others.
        string? difference = Bits.Difference("prompt", first.Step((lone, 60)), second.Step((guest, 60)));
        for (int step = 0; step < 20 && difference is null; step++)
        {
            int place = step * 17 % (strangers + 1);
            var chunks = others.Select((o, i) => (o, i % 9 == step % 9 ? 2 : 1)).Append((guest, 1)).ToArray();
            (chunks[place], chunks[^1]) = (chunks[^1], chunks[place]);
            int row = chunks.Take(place).Sum(c => c.Item2);
            difference = Bits.Difference($"step {step}, row {row}", first.Step((lone, 1))[0], second.Step(chunks)[row]);
        }
        return difference;
    }

    /// <summary>Two kernels, or two packings, say the same about one text: logits, chosen experts, their weights and outputs.</summary>
    public static string? Agreement(IKernels expected, IKernels actual, PackedModel model, PackedModel? actualModel = null)
    {
        int[] text = Requests.Tokens(TextLength, model.Shape.VocabSize, seed: 7);
        using var one = new LocalModel(expected, model, _options);
        using var two = new LocalModel(actual, actualModel ?? model, _options, verifyDigest: false);
        var (layersOne, layersTwo) = (new List<DispatchRecord>(), new List<DispatchRecord>());
        var harnessOne = new StepHarness(one) { OnDispatch = d => layersOne.Add(new DispatchRecord(d)) };
        var harnessTwo = new StepHarness(two) { OnDispatch = d => layersTwo.Add(new DispatchRecord(d)) };
        var (trackOne, trackTwo) = (new StepHarness.Track(text), new StepHarness.Track(text));
        int[] steps = [1, 5, 100, 1, 1, TextLength - 108];
        foreach (int count in steps)
        {
            var (logitsOne, logitsTwo) = (harnessOne.Step((trackOne, count)), harnessTwo.Step((trackTwo, count)));
            for (int i = 0; i < layersOne.Count; i++)
                if (layersOne[i].Difference(layersTwo[i]) is { } inside)
                    return inside;
            if (Bits.Difference($"logits of a step of {count}", logitsOne, logitsTwo) is { } difference)
                return difference;
        }
        return null;
    }

    private static float[][] Logits(IKernels kernels, PackedModel model, int[] text, int maxRows)
    {
        using var local = new LocalModel(kernels, model, _options with { MaxRows = maxRows });
        return local.LogitsOf(text);
    }

    /// <summary>What one layer sent and got back.</summary>
    private sealed class DispatchRecord(LayerDispatch d)
    {
        private readonly int _layer = d.Layer;
        private readonly byte[] _activations = d.ActivationRows.ToArray();
        private readonly int[][] _experts = [.. Enumerable.Range(0, d.Groups).Select(g => d.ExpertsOf(g).ToArray())];
        private readonly float[][] _weights = [.. Enumerable.Range(0, d.Groups).Select(g => d.WeightsOf(g).ToArray())];
        private readonly byte[][] _outputs = [.. Enumerable.Range(0, d.Groups).Select(g => d.OutputOf(g).ToArray())];

        public string? Difference(DispatchRecord other)
        {
            if (!_activations.AsSpan().SequenceEqual(other._activations))
                return $"layer {_layer}: encoded activation rows, byte {_activations.AsSpan().CommonPrefixLength(other._activations)}";
            for (int g = 0; g < _experts.Length; g++)
            {
                if (!_experts[g].AsSpan().SequenceEqual(other._experts[g]))
                    return $"layer {_layer}, group {g}: chosen experts";
                if (Bits.Difference($"layer {_layer}, group {g}: weights", _weights[g], other._weights[g]) is { } difference)
                    return difference;
                if (!_outputs[g].AsSpan().SequenceEqual(other._outputs[g]))
                    return $"layer {_layer}, group {g}: output, byte {_outputs[g].AsSpan().CommonPrefixLength(other._outputs[g])}";
            }
            return null;
        }
    }
}
