using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PanguCluster.Model.Checkpoints;

namespace PanguCluster.Model.Packing;

/// <summary>
/// Gives a packed model for any model folder: the folder itself if it is packed, else its packed form in a cache, packing it the first
/// time. Safe when several processes ask at once: one packs, the others wait for it.
/// </summary>
public static class ModelLocator
{
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(100);

    /// <summary>Files besides the weights that a packed model depends on.</summary>
    private static readonly string[] SideFiles =
        ["config.json", "generation_config.json", ManifestRules.TokenizerFile, ManifestRules.TokenizerConfigFile, "chat_template.jinja"];

    /// <summary><c>$XDG_CACHE_HOME/pangu/models</c>, or <c>~/.cache/pangu/models</c>, or beside the temporary files where there is no home.</summary>
    public static string DefaultCacheRoot()
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(cache) || !Path.IsPathRooted(cache))
        {
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            cache = home.Length > 0 ? Path.Combine(home, ".cache") : Path.GetTempPath();
        }
        return Path.Combine(cache, "pangu", "models");
    }

    /// <param name="folder">A packed model or a Hugging Face checkpoint.</param>
    /// <param name="format">The format wanted; null: whatever a packed folder has, and bf16 for a checkpoint.</param>
    /// <param name="cacheRoot">Where packed forms are kept; created when needed.</param>
    /// <param name="progress">Reports only when this call packs.</param>
    /// <exception cref="ModelFormatException">The folder is neither, or cannot be used, or is packed in another format than wanted.</exception>
    public static PackedModel Resolve(
        string folder, PackFormat? format, string cacheRoot, IProgress<PackProgress>? progress = null, CancellationToken cancel = default)
    {
        if (!Directory.Exists(folder))
            throw new ModelFormatException($"{folder}: no such folder");
        if (PackedModel.IsPacked(folder))
        {
            var packed = PackedModel.Open(folder);
            if (format is { } wanted && packed.Manifest.Format != wanted)
                throw new ModelFormatException(
                    $"{folder}: is packed as {ManifestJson.NameOf(packed.Manifest.Format)}, not {ManifestJson.NameOf(wanted)}: pack the checkpoint again with --format {ManifestJson.NameOf(wanted)}");
            return packed;
        }
        if (!Checkpoint.IsCheckpoint(folder))
            throw new ModelFormatException($"{folder}: neither a packed model (manifest.json) nor a Hugging Face checkpoint (config.json and *.safetensors)");
        return FromCache(folder, format ?? PackFormat.Bf16, cacheRoot, progress, cancel);
    }

    private static PackedModel FromCache(
        string folder, PackFormat format, string cacheRoot, IProgress<PackProgress>? progress, CancellationToken cancel)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        string entry = Path.Combine(Path.GetFullPath(cacheRoot), $"{name}-{ManifestJson.NameOf(format)}-{KeyOf(folder, format)[..16]}");
        if (TryOpen(entry) is { } ready)
            return ready;
        using var held = Lock(entry + ".lock", cancel);
        return TryOpen(entry) ?? Packer.Pack(folder, entry, new PackOptions(format, Overwrite: true), progress, cancel);
    }

    /// <summary>A cached model that opens and is whole; null makes the caller pack it (again).</summary>
    private static PackedModel? TryOpen(string entry)
    {
        try
        {
            return PackedModel.IsPacked(entry) && PackedModel.Open(entry) is { MissingFiles.Count: 0 } model ? model : null;
        }
        catch (ModelFormatException)
        {
            return null;
        }
    }

    /// <summary>Waits for the lock file of one cache entry. It stays when released: removing it would let two holders in.</summary>
    private static FileStream Lock(string path, CancellationToken cancel)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{path}: the model cache cannot be written: {e.Message}", e);
        }
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another process packs this model.
                cancel.WaitHandle.WaitOne(LockPoll);
                cancel.ThrowIfCancellationRequested();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ModelFormatException($"{path}: the model cache cannot be written: {e.Message}", e);
            }
        }
    }

    /// <summary>
    /// SHA-256 over what decides the packed bytes: small files whole; of the weights name, size, time and header, since reading all of
    /// them at every start would cost more than packing saves.
    /// </summary>
    private static string KeyOf(string folder, PackFormat format)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
        try
        {
            Add($"{ManifestJson.NameOf(format)} layout {Manifest.CurrentLayoutVersion} numerics {Manifest.CurrentNumericsVersion}");
            foreach (string name in SideFiles.Where(n => File.Exists(Path.Combine(folder, n))))
                Add($"{name} {FileDigest.Compute(Path.Combine(folder, name)).Sha256}");
            foreach (string path in Checkpoint.WeightFiles(folder))
            {
                var info = new FileInfo(path);
                Add($"{info.Name} {info.Length} {info.LastWriteTimeUtc.Ticks}");
                hash.AppendData(HeadOf(path));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{folder}: cannot be read: {e.Message}", e);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static byte[] HeadOf(string path)
    {
        const int Most = 1 << 20;
        using var handle = File.OpenHandle(path);
        var length = new byte[8];
        if (RandomAccess.Read(handle, length, 0) < 8)
            return length;
        ulong header = BinaryPrimitives.ReadUInt64LittleEndian(length);
        var head = new byte[8 + (int)Math.Min(header, Most)];
        int read = RandomAccess.Read(handle, head, 0);
        return head[..read];
    }
}
