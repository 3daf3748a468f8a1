using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Node.Bench;

/// <summary>A model of random weights in a temporary folder, deleted when disposed.</summary>
public sealed class TemporaryModel : IDisposable
{
    private readonly string _root;

    private TemporaryModel(string root, PackedModel model)
    {
        _root = root;
        Model = model;
    }

    public PackedModel Model { get; }

    /// <param name="progress">Told bytes written, bytes in all and the folder.</param>
    public static TemporaryModel Write(string name, ModelShape shape, PackFormat format, Action<long, long, string> progress, CancellationToken stop)
    {
        string root = Directory.CreateTempSubdirectory("pangu-bench-").FullName;
        try
        {
            return new TemporaryModel(root, WriteTo(Path.Combine(root, "model"), name, shape, format, seed: 1, progress, stop));
        }
        catch
        {
            Directory.Delete(root, recursive: true);
            throw;
        }
    }

    /// <summary>A packed model of random weights that stays.</summary>
    /// <param name="folder">Must not exist, or be empty.</param>
    /// <exception cref="ModelFormatException">The folder cannot be written.</exception>
    /// <exception cref="IOException">There is not so much room.</exception>
    public static PackedModel WriteTo(
        string folder, string name, ModelShape shape, PackFormat format, ulong seed, Action<long, long, string> progress, CancellationToken stop)
    {
        var type = ManifestRules.WeightsOf(format, ElementType.Bf16);
        shape.Validate();
        long total = new TrunkLayout(shape, type, ElementType.Bf16).Length + new GroupLayout(shape, type).Length * shape.Groups;
        long done = 0;
        RequireSpace(folder, total);
        return RandomModel.Write(folder, shape, format, seed, name: name, written: bytes => progress(done += bytes, total, name), cancel: stop);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static void RequireSpace(string folder, long bytes)
    {
        string there = Path.GetFullPath(folder);
        while (!Directory.Exists(there))
            there = Path.GetDirectoryName(there)!;
        long free = new DriveInfo(there).AvailableFreeSpace;
        if (free < bytes)
            throw new IOException($"{folder}: the random model needs {bytes >> 20} MiB, {free >> 20} MiB are free (another folder or TMPDIR, or fewer --layers)");
    }
}
