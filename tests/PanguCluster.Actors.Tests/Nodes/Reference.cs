using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>The tokens a request must give: the engine driven in one thread, without an actor in sight.</summary>
public static class Reference
{
    public static IReadOnlyList<SampledToken> Tokens(PackedModel model, int[] prompt, int maxTokens, SamplingParameters sampling)
    {
        var kernels = new ManagedKernels();
        var options = new DecoderOptions(MaxRows: 64, KvBlocks: 64, MaxPositions: 512);
        using var engine = new DecodeEngine(model, kernels.OpenTrunk(model, new TrunkOptions(64, 64, 512)), options);
        var groups = Enumerable.Range(0, model.Shape.Groups).Select(g => kernels.OpenGroup(model, g, new GroupOptions(64))).ToArray();
        var sink = new Sink();
        engine.Submit(new SequenceRequest(
            new SequenceId(Guid.NewGuid()), prompt, [], 0, maxTokens, [.. model.Manifest.EosTokenIds], sampling));
        new LocalStepDriver(engine, groups).RunToEnd(sink);
        foreach (var group in groups)
            group.Dispose();
        return sink.Tokens;
    }

    /// <summary>A prompt of this length whose answer does not end before <paramref name="tokens"/> tokens, and that answer.</summary>
    public static (int[] Prompt, IReadOnlyList<SampledToken> Answer) Long(PackedModel model, int length, int tokens, SamplingParameters sampling)
    {
        for (int salt = 1; ; salt++)
        {
            int[] prompt = [.. Enumerable.Range(0, length).Select(i => (i * 13 + salt * 7) % model.Shape.VocabSize)];
            var answer = Tokens(model, prompt, tokens, sampling);
            if (answer.Count == tokens)
                return (prompt, answer);
        }
    }

    private sealed class Sink : ITokenSink
    {
        public List<SampledToken> Tokens { get; } = [];

        public void OnToken(SequenceId id, in SampledToken token) => Tokens.Add(token);

        public void OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail)
        {
        }
    }
}
