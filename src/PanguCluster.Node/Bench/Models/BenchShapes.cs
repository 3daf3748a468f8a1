using PanguCluster.Model.Shapes;

namespace PanguCluster.Node.Bench;

/// <summary>The shapes that random models are made of.</summary>
public static class BenchShapes
{
    public static IReadOnlyList<string> Names { get; } = ["pangu-pro", "small", "nano", "dense"];

    /// <summary>Layers when none are asked for: enough that no layer's weights are still in the caches when its turn comes again.</summary>
    public static int DefaultLayers(string name, bool quick) => name switch
    {
        "small" => quick ? 4 : 12,
        _ => quick ? 1 : 4,
    };

    public static ModelShape Of(string name, int layers) => name switch
    {
        "pangu-pro" => PanguPro(layers),
        "small" => Small(layers),
        "nano" => Nano(layers),
        "dense" => Dense(PanguPro(layers)),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no such shape"),
    };

    /// <summary>The layer sizes of the published model, with a vocabulary that does not outweigh a few layers.</summary>
    public static ModelShape PanguPro(int layers) => new()
    {
        VocabSize = 32000, HiddenSize = 5120, Layers = layers, Heads = 40, KvHeads = 8, Experts = 64, ExpertsPerToken = 8, Groups = 8,
        ExpertIntermediate = 1344, SharedIntermediate = 5376, RmsNormEpsilon = 1e-5f, RopeTheta = 16e6, MaxPositions = 32768,
    };

    /// <summary>Layers so small that everything around the products shows.</summary>
    public static ModelShape Small(int layers) => new()
    {
        VocabSize = 32000, HiddenSize = 1024, Layers = layers, Heads = 16, KvHeads = 4, Experts = 64, ExpertsPerToken = 8, Groups = 8,
        ExpertIntermediate = 256, SharedIntermediate = 1024, RmsNormEpsilon = 1e-5f, RopeTheta = 1e6, MaxPositions = 32768,
    };

    /// <summary>The sizes of the sample model.</summary>
    public static ModelShape Nano(int layers) => new()
    {
        VocabSize = 4096, HiddenSize = 128, Layers = layers, Heads = 4, KvHeads = 2, Experts = 64, ExpertsPerToken = 8, Groups = 8,
        ExpertIntermediate = 64, SharedIntermediate = 128, RmsNormEpsilon = 1e-5f, RopeTheta = 10000, MaxPositions = 2048,
    };

    /// <summary>
    /// A dense model of the same depth and, but for a router of one expert, the same parameters: every token passes one feed-forward layer
    /// as wide as all experts and the shared one together. A sixteenth of the shared width stays a routed expert, always chosen, because
    /// a shape has at least one.
    /// </summary>
    public static ModelShape Dense(ModelShape sparse)
    {
        int width = sparse.Experts * sparse.ExpertIntermediate + sparse.SharedIntermediate;
        int routed = Math.Max(1, sparse.SharedIntermediate / 16);
        return sparse with { Experts = 1, ExpertsPerToken = 1, Groups = 1, ExpertIntermediate = routed, SharedIntermediate = width - routed };
    }
}
