using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PanguCluster.Model.Packing;

/// <summary>Writes one file of a packed model front to back, hashing as it goes, so that no byte is read again.</summary>
internal sealed class PackedFileWriter : IDisposable
{
    private static readonly byte[] Zeros = new byte[LayoutCursor.Alignment];

    private readonly FileStream _stream;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly string _name;
    private readonly CancellationToken _cancel;
    private readonly Action<long>? _written;

    /// <param name="written">Told the bytes of every write.</param>
    public PackedFileWriter(string folder, string name, CancellationToken cancel, Action<long>? written = null)
    {
        _name = name;
        _cancel = cancel;
        _written = written;
        _stream = new FileStream(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
    }

    public long Position { get; private set; }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        _cancel.ThrowIfCancellationRequested();
        _stream.Write(bytes);
        _hash.AppendData(bytes);
        Position += bytes.Length;
        _written?.Invoke(bytes.Length);
    }

    public void Write<T>(ReadOnlySpan<T> values) where T : unmanaged => Write(MemoryMarshal.AsBytes(values));

    /// <summary>Zero bytes up to where the next tensor of the layout starts.</summary>
    public void PadTo(long offset)
    {
        long gap = offset - Position;
        if (gap < 0 || gap >= LayoutCursor.Alignment)
            throw new InvalidOperationException($"{_name}: at {Position}, cannot pad to {offset}: tensors must be written in layout order");
        if (gap > 0)
            Write(Zeros.AsSpan(0, (int)gap));
    }

    /// <summary>Pads to the layout's length, flushes to the disk and gives the manifest entry.</summary>
    public PackedFile Finish(long length)
    {
        PadTo(length);
        _stream.Flush(flushToDisk: true);
        return new PackedFile(_name, Position, Convert.ToHexStringLower(_hash.GetHashAndReset()));
    }

    public void Dispose()
    {
        _stream.Dispose();
        _hash.Dispose();
    }
}
