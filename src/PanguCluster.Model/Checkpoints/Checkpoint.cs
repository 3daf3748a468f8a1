using System.Text.Json;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Checkpoints;

/// <summary>
/// A Hugging Face checkpoint folder, opened and checked: every tensor the shape needs is there once, with the right shape and a type
/// that is read here; nothing else is there.
/// </summary>
/// <remarks>
/// An unknown tensor is an error and not a warning: a query norm, a shared-expert gate or an extra bias would mean another computation
/// than this build's, and its silent loss a model that answers wrongly.
/// </remarks>
public sealed class Checkpoint : IDisposable
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";
    private const int MaxShards = 4096;

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, (SafetensorsFile File, TensorInfo Info)> _tensors = new(StringComparer.Ordinal);

    private Checkpoint(string folder, CheckpointConfig config)
    {
        Folder = folder;
        Config = config;
    }

    public string Folder { get; }
    public CheckpointConfig Config { get; }

    /// <summary>Whether a folder has what makes a Hugging Face checkpoint; says nothing about whether it opens.</summary>
    public static bool IsCheckpoint(string folder) =>
        File.Exists(Path.Combine(folder, "config.json")) && WeightFiles(folder).Any();

    /// <summary>The safetensors files and index a folder holds, by name, ascending.</summary>
    public static IEnumerable<string> WeightFiles(string folder) =>
        Directory.EnumerateFiles(folder, "*.safetensors").Concat(Directory.EnumerateFiles(folder, "*.safetensors.index.json")).Order(StringComparer.Ordinal);

    /// <exception cref="ModelFormatException">The message names the file, and the tensor or field.</exception>
    public static Checkpoint Open(string folder)
    {
        if (!Directory.Exists(folder))
            throw new ModelFormatException($"{folder}: no such folder");
        var checkpoint = new Checkpoint(folder, CheckpointConfig.Read(folder));
        try
        {
            if (File.Exists(Path.Combine(folder, IndexFile)))
                checkpoint.OpenShards(Path.Combine(folder, IndexFile));
            else if (File.Exists(Path.Combine(folder, SingleFile)))
                checkpoint.Add(SingleFile, null);
            else
                throw new ModelFormatException($"{folder}: neither {SingleFile} nor {IndexFile} is there");
            checkpoint.CheckTensors();
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>The named tensor; it is there, because Open has checked.</summary>
    internal (SafetensorsFile File, TensorInfo Info) this[string name] => _tensors[name];

    public void Dispose()
    {
        foreach (var file in _files)
            file.Dispose();
    }

    private void OpenShards(string indexPath)
    {
        using var document = JsonFields.ParseFile(indexPath);
        var map = new JsonFields(indexPath, document.RootElement).Need("weight_map");
        if (map.ValueKind != JsonValueKind.Object)
            throw new ModelFormatException($"{indexPath}: weight_map is no JSON object");
        var shards = new SortedDictionary<string, HashSet<string>>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
        {
            string? shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString() : null;
            if (string.IsNullOrEmpty(shard) || shard != Path.GetFileName(shard) || shard is "." or "..")
                throw new ModelFormatException($"{indexPath}: weight_map: {entry.Name} is {JsonFields.Show(entry.Value)}: expected a file name");
            if (!shards.TryGetValue(shard, out var names))
                shards.Add(shard, names = new HashSet<string>(StringComparer.Ordinal));
            names.Add(entry.Name);
        }
        if (shards.Count > MaxShards)
            throw new ModelFormatException($"{indexPath}: weight_map names {shards.Count} files: at most {MaxShards}");
        foreach (var (shard, names) in shards)
        {
            if (!File.Exists(Path.Combine(Folder, shard)))
                throw new ModelFormatException($"{indexPath}: names {shard}, which is missing");
            Add(shard, names);
        }
    }

    /// <param name="indexed">The tensors the index places in this file; null without an index.</param>
    private void Add(string name, HashSet<string>? indexed)
    {
        var file = SafetensorsFile.Open(Path.Combine(Folder, name));
        _files.Add(file);
        foreach (string tensor in indexed ?? [])
            if (!file.Tensors.ContainsKey(tensor))
                throw new ModelFormatException($"{file.Path}: tensor {tensor} is missing; {IndexFile} places it here");
        foreach (var info in file.Tensors.Values)
            if (!_tensors.TryAdd(info.Name, (file, info)))
                throw new ModelFormatException($"{file.Path}: tensor {info.Name} stands in {Path.GetFileName(_tensors[info.Name].File.Path)} too");
    }

    private void CheckTensors()
    {
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, shape) in TensorNames.All(Config.Shape))
        {
            needed.Add(name);
            if (!_tensors.TryGetValue(name, out var found))
                throw new ModelFormatException($"{Folder}: tensor {name} is missing");
            if (found.Info.Element is null)
                throw new ModelFormatException($"{found.File.Path}: tensor {name}: dtype is {found.Info.DataType}: expected BF16, F16 or F32");
            if (!ShapeMatches(name, shape, found.Info.Shape))
                throw new ModelFormatException(
                    $"{found.File.Path}: tensor {name}: shape is {found.Info.ShapeText}: config.json needs [{string.Join(", ", shape)}]");
        }
        foreach (var (name, found) in _tensors)
            if (!needed.Contains(name) && !TensorNames.IsIgnored(name))
                throw new ModelFormatException($"{found.File.Path}: tensor {name} is none this architecture has: it would be ignored and the answers wrong");
    }

    // router_scale is published as [1, N]; [N] means the same.
    private static bool ShapeMatches(string name, int[] expected, IReadOnlyList<long> actual)
    {
        if (actual.Count == 2 && expected.Length == 1 && actual[0] == 1 && name.EndsWith(".mlp.router_scale", StringComparison.Ordinal))
            return actual[1] == expected[0];
        return actual.Count == expected.Length && actual.Zip(expected).All(p => p.First == p.Second);
    }
}
