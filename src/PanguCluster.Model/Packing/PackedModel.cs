using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Packing;

/// <summary>A packed model folder, opened and checked: manifest, layouts, and paths of what to map.</summary>
public sealed class PackedModel
{
    private PackedModel(string folder, Manifest manifest)
    {
        Folder = folder;
        Manifest = manifest;
        Trunk = new TrunkLayout(manifest.Shape, manifest.Weights, manifest.Embedding);
        Group = new GroupLayout(manifest.Shape, manifest.Weights);
    }

    public string Folder { get; }
    public Manifest Manifest { get; }
    public ModelShape Shape => Manifest.Shape;
    public TrunkLayout Trunk { get; }

    /// <summary>The layout all group files share.</summary>
    public GroupLayout Group { get; }

    public string TrunkPath => Path.Combine(Folder, "trunk.bin");
    public string GroupPath(int group) => Path.Combine(Folder, GroupFileName(group));
    public static string GroupFileName(int group) => $"group-{group:00}.bin";

    /// <summary>Reads and validates the manifest and the sizes of the files that are present. Digests are checked when a file is mapped.</summary>
    /// <exception cref="ModelFormatException">The folder is no packed model, or one this build cannot run; the message says which field.</exception>
    public static PackedModel Open(string folder) => throw new NotImplementedException();
}

/// <summary>A checkpoint or packed model that cannot be used. The message names file, field and what was expected.</summary>
public sealed class ModelFormatException : Exception
{
    public ModelFormatException(string message) : base(message) { }
    public ModelFormatException(string message, Exception inner) : base(message, inner) { }
}
