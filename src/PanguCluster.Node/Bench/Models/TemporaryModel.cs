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
            var type = ManifestRules.WeightsOf(format, ElementType.Bf16);
            shape.Validate();
            long total = new TrunkLayout(shape, type, ElementType.Bf16).Length + new GroupLayout(shape, type).Length * shape.Groups;
            long done = 0;
            RequireSpace(root, total);
            var model = RandomModel.Write(
                Path.Combine(root, "model"), shape, format, seed: 1, name: name, written: bytes => progress(done += bytes, total, name), cancel: stop);
            return new TemporaryModel(root, model);
        }
        catch
        {
            Directory.Delete(root, recursive: true);
            throw;
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static void RequireSpace(string folder, long bytes)
    {
        long free = new DriveInfo(folder).AvailableFreeSpace;
        if (free < bytes)
            throw new IOException($"{folder}: the random model needs {bytes >> 20} MiB, {free >> 20} MiB are free (set TMPDIR, or fewer --layers)");
    }
}
