using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>A small random model on disk, shared by all tests of the run: 8 groups, 2 of 4 experts each, 3 layers.</summary>
public static class TestModel
{
    public static ModelShape Shape { get; } = new()
    {
        VocabSize = 199, HiddenSize = 32, Layers = 3, Heads = 4, KvHeads = 2, Experts = 32, ExpertsPerToken = 16, Groups = 8,
        ExpertIntermediate = 24, SharedIntermediate = 32, RmsNormEpsilon = 1e-5f, RopeTheta = 10000, MaxPositions = 512,
    };

    private static readonly Lazy<PackedModel> Bf16Model = new(() => Write(PackFormat.Bf16, 11));
    private static readonly Lazy<PackedModel> W8A8Model = new(() => Write(PackFormat.W8A8, 12));

    public static PackedModel Bf16 => Bf16Model.Value;
    public static PackedModel W8A8 => W8A8Model.Value;

    /// <summary>A model of its own, to damage.</summary>
    public static PackedModel Write(PackFormat format, ulong seed)
    {
        string folder = Path.Combine(Directory.CreateTempSubdirectory("pangu-test-").FullName, "model");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(folder)!, recursive: true);
        return RandomModel.Write(folder, Shape, format, seed);
    }
}
