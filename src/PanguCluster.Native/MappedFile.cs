using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using PanguCluster.Model.Packing;

namespace PanguCluster.Native;

/// <summary>A weight file of a packed model, mapped read-only for as long as a native handle reads it.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly SafeMemoryMappedViewHandle _handle;
    private bool _disposed;

    private MappedFile(MemoryMappedFile file, MemoryMappedViewAccessor view, long length)
    {
        _file = file;
        _view = view;
        _handle = view.SafeMemoryMappedViewHandle;
        byte* pointer = null;
        _handle.AcquirePointer(ref pointer);
        Pointer = pointer + view.PointerOffset;
        Length = length;
    }

    /// <summary>First byte, page aligned.</summary>
    public byte* Pointer { get; }

    public long Length { get; }

    /// <param name="path">The file.</param>
    /// <param name="entry">What the manifest says of it.</param>
    /// <param name="layoutLength">Bytes the layout needs; the file has exactly these.</param>
    /// <param name="verifyDigest">Recompute the SHA-256 over the mapped bytes.</param>
    /// <exception cref="ModelFormatException">The file is missing, has the wrong size or digest.</exception>
    public static MappedFile Open(string path, PackedFile entry, long layoutLength, bool verifyDigest)
    {
        if (!File.Exists(path))
            throw new ModelFormatException($"{path}: missing; the manifest lists {entry.Name} with {entry.Bytes} bytes.");
        long length = new FileInfo(path).Length;
        if (length != entry.Bytes || length != layoutLength)
            throw new ModelFormatException($"{path}: {length} bytes, but the manifest says {entry.Bytes} and the shape needs {layoutLength}.");
        var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        MappedFile mapped;
        try
        {
            mapped = new MappedFile(file, file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read), length);
        }
        catch
        {
            file.Dispose();
            throw;
        }
        if (!verifyDigest || mapped.Digest() == entry.Sha256)
            return mapped;
        string actual = mapped.Digest();
        mapped.Dispose();
        throw new ModelFormatException($"{path}: SHA-256 is {actual}, but the manifest says {entry.Sha256}; the file is damaged or of another model.");
    }

    /// <summary>SHA-256 of the mapped bytes, lower-case hex.</summary>
    public string Digest()
    {
        const int step = 1 << 24;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long at = 0; at < Length; at += step)
            hash.AppendData(new ReadOnlySpan<byte>(Pointer + at, (int)Math.Min(step, Length - at)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _handle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
