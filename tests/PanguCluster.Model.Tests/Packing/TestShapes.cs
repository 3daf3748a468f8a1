using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Tests.Packing;

internal static class TestShapes
{
    /// <summary>Awkward on purpose: nothing is a multiple of 64, the intermediate size is not a multiple of 4, N/K differs from K.</summary>
    public static ModelShape Odd { get; } = new()
    {
        VocabSize = 70,
        HiddenSize = 72,
        Layers = 2,
        Heads = 6,
        KvHeads = 2,
        Experts = 12,
        ExpertsPerToken = 4,
        Groups = 2,
        ExpertIntermediate = 30,
        SharedIntermediate = 66,
        RmsNormEpsilon = 1e-5f,
        RopeTheta = 10000,
        MaxPositions = 256,
    };
}
