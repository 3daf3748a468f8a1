namespace PanguCluster.Model.Packing;

/// <summary>
/// All or nothing for a folder: written as <c>DST.partial-ID</c>, renamed when complete. A killed writer leaves a partial folder
/// without a manifest, which no reader opens and which the next writer to the same place removes.
/// </summary>
/// <remarks>
/// The lock file beside the partial folder is held open by its writer; one that can be opened belongs to nobody any more.
/// Files are flushed to the disk before the rename; .NET offers no flush of a directory, so after a power cut the rename itself may be
/// lost, never half done.
/// </remarks>
internal sealed class PackTransaction : IDisposable
{
    private const string Marker = ".partial-";
    private readonly string _destination;
    private readonly string _lockPath;
    private readonly bool _replace;
    private FileStream? _lock;

    /// <param name="replace">Whether an existing packed model may be replaced. Any other non-empty folder never is.</param>
    /// <exception cref="ModelFormatException">The destination exists and may not be replaced, or cannot be created.</exception>
    public PackTransaction(string destination, bool replace)
    {
        _destination = Path.TrimEndingDirectorySeparator(Path.GetFullPath(destination));
        _replace = replace;
        RefuseOccupied();
        string parent = Path.GetDirectoryName(_destination)
            ?? throw new ModelFormatException($"{destination}: cannot be the root of a file system");
        try
        {
            Directory.CreateDirectory(parent);
            RemoveAbandoned(_destination);
            Folder = _destination + Marker + Guid.NewGuid().ToString("N")[..12];
            _lockPath = Folder + ".lock";
            _lock = new FileStream(_lockPath, FileMode.CreateNew, FileAccess.Write, FileShare.None);
            Directory.CreateDirectory(Folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _lock?.Dispose();
            throw new ModelFormatException($"{_destination}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Where to write.</summary>
    public string Folder { get; }

    /// <summary>Writes the manifest (last of all files) and gives the folder its final name.</summary>
    public PackedModel Commit(Manifest manifest)
    {
        ManifestRules.Check(PackedModel.ManifestFileName, manifest);
        using (var stream = new FileStream(Path.Combine(Folder, PackedModel.ManifestFileName), FileMode.CreateNew))
        {
            stream.Write(ManifestJson.Write(manifest));
            stream.Flush(flushToDisk: true);
        }
        RefuseOccupied();
        if (Directory.Exists(_destination))
            Directory.Move(_destination, _destination + Marker + "old-" + Guid.NewGuid().ToString("N")[..12]);
        Directory.Move(Folder, _destination);
        Release();
        RemoveAbandoned(_destination);
        return PackedModel.Open(_destination);
    }

    public void Dispose()
    {
        if (_lock is null)
            return;
        if (Directory.Exists(Folder))
            Directory.Delete(Folder, recursive: true);
        Release();
    }

    private void Release()
    {
        File.Delete(_lockPath);
        _lock?.Dispose();
        _lock = null;
    }

    private void RefuseOccupied()
    {
        if (File.Exists(_destination))
            throw new ModelFormatException($"{_destination}: is a file; the destination must be a folder that does not exist yet");
        if (!Directory.Exists(_destination) || !Directory.EnumerateFileSystemEntries(_destination).Any())
            return;
        if (!PackedModel.IsPacked(_destination))
            throw new ModelFormatException($"{_destination}: exists, is not empty and is no packed model; choose another destination");
        if (!_replace)
            throw new ModelFormatException($"{_destination}: a packed model stands there already; pass --overwrite to replace it");
    }

    /// <summary>Removes what writers that are gone have left beside a destination.</summary>
    internal static void RemoveAbandoned(string destination)
    {
        string parent = Path.GetDirectoryName(destination)!;
        foreach (string folder in Directory.EnumerateDirectories(parent, Path.GetFileName(destination) + Marker + "*"))
        {
            string lockPath = folder + ".lock";
            try
            {
                // Held by a living writer: opening fails and the folder stays.
                using var held = new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
                Directory.Delete(folder, recursive: true);
                File.Delete(lockPath);
            }
            catch (IOException)
            {
                continue;
            }
        }
    }
}
