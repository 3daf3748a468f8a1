using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Weights;

/// <summary>
/// The part of a file that has come so far, <c>NAME.partial</c> beside its final place, with the SHA-256 of it. One process at a time has it; what an
/// earlier one left is hashed again and kept.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private const string Suffix = ".partial";
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(100);

    private readonly FileStream _stream;
    private readonly string _final;
    private readonly PackedFile _entry;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private PartialFile(FileStream stream, string final, PackedFile entry)
    {
        _stream = stream;
        _final = final;
        _entry = entry;
    }

    /// <summary>Bytes that are here, from the front.</summary>
    public long Length { get; private set; }

    public bool IsWhole => Length == _entry.Bytes;

    /// <summary>Waits while another process fetches the same file.</summary>
    /// <returns>Null: the whole file is here, at its final place.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static PartialFile? Open(string folder, PackedFile entry, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        string final = Path.Combine(folder, entry.Name);
        while (!IsThere(final, entry))
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryLock(final + Suffix) is not { } stream)
            {
                cancellation.WaitHandle.WaitOne(LockPoll);
                continue;
            }
            // The one before may have finished between the two looks.
            if (IsThere(final, entry))
            {
                stream.Dispose();
                return null;
            }
            var partial = new PartialFile(stream, final, entry);
            partial.HashWhatIsThere(cancellation);
            return partial;
        }
        return null;
    }

    /// <summary>Removes a whole file that is not what the manifest says. Nobody puts a good one in its place meanwhile.</summary>
    /// <returns>Whether it was damaged.</returns>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public static bool RemoveDamaged(string folder, PackedFile entry, CancellationToken cancellation)
    {
        string final = Path.Combine(folder, entry.Name);
        while (File.Exists(final) && !IsSound(final, entry, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            // Its lock file stays: whoever fetches next goes on with it, and removing it would let two of them in.
            using var held = TryLock(final + Suffix);
            if (held is null)
                cancellation.WaitHandle.WaitOne(LockPoll);
            else if (File.Exists(final) && !IsSound(final, entry, cancellation))
            {
                File.Delete(final);
                return true;
            }
        }
        return false;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(Handle, bytes, Length);
        _hash.AppendData(bytes);
        Length += bytes.Length;
    }

    /// <summary>Forgets what is here.</summary>
    public void StartOver()
    {
        _stream.SetLength(0);
        _hash.GetHashAndReset();
        Length = 0;
    }

    /// <summary>Puts the file to its final place if it is what the manifest says; forgets it otherwise.</summary>
    /// <returns>Null, or the digest that it has instead.</returns>
    public string? Finish()
    {
        string digest = Convert.ToHexStringLower(_hash.GetHashAndReset());
        if (digest != _entry.Sha256)
        {
            StartOver();
            return digest;
        }
        RandomAccess.FlushToDisk(Handle);
        File.Move(_final + Suffix, _final, overwrite: true);
        return null;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _hash.Dispose();
    }

    private SafeFileHandle Handle => _stream.SafeFileHandle;

    private static bool IsSound(string path, PackedFile entry, CancellationToken cancellation) =>
        IsThere(path, entry) && FileDigest.Compute(path, cancel: cancellation).Sha256 == entry.Sha256;

    private static bool IsThere(string path, PackedFile entry) => new FileInfo(path) is { Exists: true } info && info.Length == entry.Bytes;

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    private void HashWhatIsThere(CancellationToken cancellation)
    {
        if (_stream.Length > _entry.Bytes)
            _stream.SetLength(0);
        var buffer = GC.AllocateUninitializedArray<byte>(FetchOptions.ChunkBytes);
        int read;
        while ((read = RandomAccess.Read(Handle, buffer, Length)) > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            _hash.AppendData(buffer, 0, read);
            Length += read;
        }
    }
}
