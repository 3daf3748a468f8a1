using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tests.Fixtures;

/// <summary>All of a model in one process: a trunk and every group, opened with some kernels.</summary>
internal sealed class LocalModel : IDisposable
{
    public LocalModel(IKernels kernels, PackedModel model, DecoderOptions options, bool verifyDigest = true)
    {
        Packed = model;
        Options = options with { MaxPositions = Math.Min(options.MaxPositions, model.Shape.MaxPositions) };
        Trunk = kernels.OpenTrunk(
            model, new TrunkOptions(options.MaxRows, options.KvBlocks, Options.MaxPositions, VerifyDigest: verifyDigest));
        Groups = [.. Enumerable.Range(0, model.Shape.Groups)
            .Select(g => kernels.OpenGroup(model, g, new GroupOptions(options.MaxRows, VerifyDigest: verifyDigest)))];
    }

    public PackedModel Packed { get; }
    public DecoderOptions Options { get; }
    public ITrunk Trunk { get; }
    public IExpertGroup[] Groups { get; }

    public PromptScorer NewScorer(int maxTokens) => new(Packed, Trunk, Groups, Options.MaxRows, maxTokens);

    /// <summary>An engine over this trunk. Disposing it disposes the trunk, which this object does too.</summary>
    public (DecodeEngine Engine, LocalStepDriver Driver) NewEngine()
    {
        var engine = new DecodeEngine(Packed, Trunk, Options);
        return (engine, new LocalStepDriver(engine, Groups));
    }

    /// <summary>Logits after every token: [position][V].</summary>
    public float[][] LogitsOf(int[] tokens)
    {
        var rows = new float[tokens.Length][];
        NewScorer(tokens.Length).Visit(tokens, (position, logits) => rows[position] = logits.ToArray());
        return rows;
    }

    public void Dispose()
    {
        Trunk.Dispose();
        foreach (var group in Groups)
            group.Dispose();
    }
}
