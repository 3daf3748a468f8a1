using System.Collections.Concurrent;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Tests.Fixtures;

/// <summary>Packed models for tests, each made once per test run in a folder that goes with the process.</summary>
internal static class TestModels
{
    private static readonly Lazy<string> _folder = new(CreateFolder);
    private static readonly ConcurrentDictionary<string, Lazy<PackedModel>> _models = new();

    /// <summary>Nothing is a multiple of 16 or 64, two experts of a group serve a token, N/K differs from K.</summary>
    public static ModelShape Odd { get; } = new()
    {
        VocabSize = 75,
        HiddenSize = 72,
        Layers = 2,
        Heads = 6,
        KvHeads = 2,
        Experts = 20,
        ExpertsPerToken = 8,
        Groups = 4,
        ExpertIntermediate = 30,
        SharedIntermediate = 70,
        RmsNormEpsilon = 1e-5f,
        RopeTheta = 10000,
        MaxPositions = 512,
    };

    /// <summary>Wide enough that a matrix product runs over more than one block of 512 inputs.</summary>
    public static ModelShape Wide { get; } = Odd with
    {
        HiddenSize = 600,
        Heads = 4,
        KvHeads = 1,
        Layers = 1,
        ExpertIntermediate = 530,
        Experts = 4,
        ExpertsPerToken = 2,
        Groups = 2,
    };

    public static PackedModel Random(ModelShape shape, PackFormat format, ulong seed = 1) =>
        Get($"random-{shape.HiddenSize}-{shape.Layers}-{format}-{seed}", folder => RandomModel.Write(folder, shape, format, seed));

    /// <summary>models/golden/NAME or models/NAME of the repository.</summary>
    public static PackedModel Packed(string name, PackFormat format) =>
        Get($"{Path.GetFileName(name)}-{format}", folder => Packer.Pack(RepositoryFolder.Path("models", name), folder, new PackOptions(format)));

    /// <summary>A copy that a test may damage.</summary>
    public static PackedModel Copy(PackedModel model, string name)
    {
        string target = Path.Combine(_folder.Value, name);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(model.Folder))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)), overwrite: true);
        return PackedModel.Open(target);
    }

    private static PackedModel Get(string key, Func<string, PackedModel> make) =>
        _models.GetOrAdd(key, k => new Lazy<PackedModel>(() => make(Path.Combine(_folder.Value, k)))).Value;

    private static string CreateFolder()
    {
        string folder = Directory.CreateTempSubdirectory("pangu-models-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }
}
