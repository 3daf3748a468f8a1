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

    public const string ManifestFileName = "manifest.json";
    public const string TrunkFileName = "trunk.bin";

    public string TrunkPath => Path.Combine(Folder, TrunkFileName);
    public string GroupPath(int group) => PathOf(GroupFileName(group));
    public static string GroupFileName(int group) => $"group-{group:00}.bin";

    /// <summary>
    /// Files the manifest lists and the folder lacks. Not an error by itself: a node may own only some groups. Mapping a missing one is.
    /// </summary>
    public required IReadOnlyList<string> MissingFiles { get; init; }

    /// <summary>Where files that <see cref="Folder"/> lacked when it was opened may turn up later, under their own names and only once they are whole; null: nowhere.</summary>
    public string? FetchedFolder { get; private init; }

    /// <summary>Whether the group's file is here now.</summary>
    public bool HasGroup(int group) => HasFile(GroupFileName(group));

    /// <summary>Whether a file of the manifest is here now, with the manifest's length.</summary>
    public bool HasFile(string name) => InFetchedFolder(name)
        ? new FileInfo(PathOf(name)) is { Exists: true } found && found.Length == Entry(name).Bytes
        : !MissingFiles.Contains(name);

    /// <summary>Whether a file is, or would be, in <see cref="FetchedFolder"/>, which may be <see cref="Folder"/> itself: files come and go there.</summary>
    public bool InFetchedFolder(string name) => FetchedFolder is { } fetched && (fetched == Folder || MissingFiles.Contains(name));

    /// <summary>Where a file of the manifest is, or would be.</summary>
    public string PathOf(string name) => Path.Combine(InFetchedFolder(name) ? FetchedFolder! : Folder, name);

    /// <summary>The same model, with a second folder for the files that the first lacks.</summary>
    public PackedModel WithFetchedFolder(string folder) => new(Folder, Manifest) { MissingFiles = MissingFiles, FetchedFolder = folder };

    /// <summary>Path of tokenizer.model, or null where the model has none or the file is missing.</summary>
    public string? TokenizerPath =>
        Manifest.HasTokenizer && !MissingFiles.Contains(ManifestRules.TokenizerFile) ? Path.Combine(Folder, ManifestRules.TokenizerFile) : null;

    /// <summary>Whether a folder holds a manifest at all; says nothing about whether it opens.</summary>
    public static bool IsPacked(string folder) => File.Exists(Path.Combine(folder, ManifestFileName));

    /// <summary>Reads and validates the manifest and the sizes of the files that are present. Digests are checked when a file is mapped.</summary>
    /// <exception cref="ModelFormatException">The folder is no packed model, or one this build cannot run; the message says which field.</exception>
    public static PackedModel Open(string folder)
    {
        string path = Path.Combine(folder, ManifestFileName);
        if (!Directory.Exists(folder))
            throw new ModelFormatException($"{folder}: no such folder");
        if (!File.Exists(path))
            throw new ModelFormatException($"{folder}: not a packed model (no {ManifestFileName}); make one with: pangu pack SRC DST");
        byte[] bytes;
        try
        {
            if (new FileInfo(path).Length > MaxManifestBytes)
                throw new ModelFormatException($"{path}: over {MaxManifestBytes} bytes, no manifest is that long");
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{path}: cannot be read: {e.Message}", e);
        }
        var manifest = ManifestJson.Parse(path, bytes);
        var missing = new List<string>();
        foreach (var file in manifest.Files)
        {
            var info = new FileInfo(Path.Combine(folder, file.Name));
            if (!info.Exists)
                missing.Add(file.Name);
            else if (info.Length != file.Bytes)
                throw new ModelFormatException($"{info.FullName}: {info.Length} bytes, the manifest says {file.Bytes}: copy or pack it again");
        }
        return new PackedModel(folder, manifest) { MissingFiles = missing };
    }

    /// <summary>
    /// The same weights with another KV cache: other bits, so another digest. Nodes compare digests, and a session records one, hence nothing
    /// that ran with one cache goes on with another.
    /// </summary>
    /// <param name="type">F32, Bf16 or I8; null, or what the manifest says: this model.</param>
    /// <exception cref="ModelFormatException">No KV cache is of this type.</exception>
    public PackedModel WithKvCache(ElementType? type)
    {
        if (type is not { } wanted || wanted == Manifest.KvCache)
            return this;
        var manifest = Manifest with { KvCache = wanted };
        ManifestRules.Check(Folder, manifest);
        return new PackedModel(Folder, manifest with { Digest = ManifestJson.ComputeDigest(manifest) }) { MissingFiles = MissingFiles, FetchedFolder = FetchedFolder };
    }

    /// <summary>The manifest's entry of a file.</summary>
    /// <exception cref="ModelFormatException">The manifest lists no such file.</exception>
    public PackedFile Entry(string name) =>
        Manifest.Files.FirstOrDefault(f => f.Name == name)
        ?? throw new ModelFormatException($"{Folder}: the manifest lists no file {name}");

    /// <summary>Recomputes one file's SHA-256; what a kernel calls before it maps the file.</summary>
    /// <param name="progress">Bytes read so far of this file.</param>
    /// <exception cref="ModelFormatException">The file is missing, or its size or digest differs from the manifest.</exception>
    public void VerifyFile(string name, IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        var entry = Entry(name);
        string path = PathOf(name);
        var (bytes, digest) = FileDigest.Compute(path, progress, cancel);
        if (bytes != entry.Bytes)
            throw new ModelFormatException($"{path}: {bytes} bytes, the manifest says {entry.Bytes}: copy or pack it again");
        if (digest != entry.Sha256)
            throw new ModelFormatException($"{path}: SHA-256 is {digest}, the manifest says {entry.Sha256}: the file is damaged, copy or pack it again");
    }

    /// <summary>Recomputes the digest of every file. Goes on after a bad file, so that one run shows all damage.</summary>
    public IReadOnlyList<FileVerdict> Verify(IProgress<VerifyProgress>? progress = null, CancellationToken cancel = default)
    {
        long total = Manifest.Files.Sum(f => f.Bytes), before = 0;
        var verdicts = new List<FileVerdict>();
        foreach (var file in Manifest.Files)
        {
            string? problem = null;
            long done = before;
            try
            {
                var step = progress is null ? null : new Relay(read => progress.Report(new VerifyProgress(done + read, total, file.Name)));
                VerifyFile(file.Name, step, cancel);
            }
            catch (ModelFormatException e)
            {
                problem = e.Message;
            }
            verdicts.Add(new FileVerdict(file.Name, MissingFiles.Contains(file.Name), problem));
            before += file.Bytes;
        }
        return verdicts;
    }

    private const long MaxManifestBytes = 4 << 20;

    // Progress<T> posts to a context; a verification reports in order, on its own thread.
    private sealed class Relay(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}

/// <summary>Bytes read of all files' bytes, and the file at hand.</summary>
public readonly record struct VerifyProgress(long Read, long Total, string File);

/// <param name="Missing">The file is not there: allowed, a node may own only some groups.</param>
/// <param name="Problem">What is wrong, or null.</param>
public sealed record FileVerdict(string File, bool Missing, string? Problem);

/// <summary>A checkpoint or packed model that cannot be used. The message names file, field and what was expected.</summary>
public sealed class ModelFormatException : Exception
{
    public ModelFormatException(string message) : base(message) { }
    public ModelFormatException(string message, Exception inner) : base(message, inner) { }
}
