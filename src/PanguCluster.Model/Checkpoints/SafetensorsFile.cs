using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Checkpoints;

/// <summary>
/// One safetensors file: 8 bytes header length (little endian), a JSON header, the data. Every header field is checked before any
/// data is touched; the data is memory-mapped a tensor at a time, so that mapped pages go when the tensor is done.
/// </summary>
/// <remarks>Format: huggingface/safetensors README, "Format". Not safe for use by several threads at once.</remarks>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>The limit of the reference implementation.</summary>
    private const long MaxHeaderBytes = 100_000_000;

    private readonly MemoryMappedFile _map;

    private SafetensorsFile(string path, MemoryMappedFile map, IReadOnlyDictionary<string, TensorInfo> tensors)
    {
        Path = path;
        _map = map;
        Tensors = tensors;
    }

    public string Path { get; }
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <exception cref="ModelFormatException">The header is truncated, oversize or contradicts itself or the file.</exception>
    public static SafetensorsFile Open(string path)
    {
        try
        {
            var (tensors, _) = ReadHeader(path);
            var map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            return new SafetensorsFile(path, map, tensors);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>A read-only mapping of one tensor's bytes; the caller disposes it.</summary>
    public Stream Map(TensorInfo tensor) =>
        tensor.Bytes == 0 ? Stream.Null : _map.CreateViewStream(tensor.Offset, tensor.Bytes, MemoryMappedFileAccess.Read);

    public void Dispose() => _map.Dispose();

    private static (Dictionary<string, TensorInfo> Tensors, long FileBytes) ReadHeader(string path)
    {
        using var handle = File.OpenHandle(path);
        long fileBytes = RandomAccess.GetLength(handle);
        Span<byte> prefix = stackalloc byte[8];
        if (fileBytes < 8 || RandomAccess.Read(handle, prefix, 0) != 8)
            throw new ModelFormatException($"{path}: {fileBytes} bytes, too short for a safetensors file");
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes is < 2 or > MaxHeaderBytes)
            throw new ModelFormatException($"{path}: header length is {headerBytes}: expected 2..{MaxHeaderBytes} bytes");
        if ((long)headerBytes > fileBytes - 8)
            throw new ModelFormatException($"{path}: header length is {headerBytes} bytes, the file has {fileBytes}: truncated download?");
        byte[] header = new byte[headerBytes];
        for (int at = 0; at < header.Length;)
        {
            int read = RandomAccess.Read(handle, header.AsSpan(at), 8 + at);
            if (read == 0)
                throw new ModelFormatException($"{path}: ends inside its header");
            at += read;
        }
        return (SafetensorsHeader.Parse(path, header, 8 + (long)headerBytes, fileBytes), fileBytes);
    }
}
