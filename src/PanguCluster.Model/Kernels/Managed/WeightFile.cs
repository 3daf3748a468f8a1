using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels.Managed;

/// <summary>Reads tensors of one packed file into arrays, widened to f32 (or int for I8 and I4): what the reference kernels compute on.</summary>
internal sealed class WeightFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly string _path;

    private WeightFile(SafeFileHandle handle, string path)
    {
        _handle = handle;
        _path = path;
    }

    /// <exception cref="ModelFormatException">The file is missing, has the wrong size or, if asked to look, the wrong digest.</exception>
    public static WeightFile Open(PackedModel model, string name, long expectedBytes, bool verifyDigest)
    {
        string path = model.PathOf(name);
        if (verifyDigest)
            model.VerifyFile(name);
        try
        {
            var handle = File.OpenHandle(path);
            long bytes = RandomAccess.GetLength(handle);
            if (bytes == expectedBytes)
                return new WeightFile(handle, path);
            handle.Dispose();
            throw new ModelFormatException($"{path}: {bytes} bytes, the shape needs {expectedBytes}: copy or pack it again");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Fills <paramref name="destination"/> with what is stored from <paramref name="offset"/> on.</summary>
    public void Read<T>(long offset, Span<T> destination) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(destination);
        while (!bytes.IsEmpty)
        {
            int read = RandomAccess.Read(_handle, bytes, offset);
            if (read == 0)
                throw new ModelFormatException($"{_path}: ends at byte {offset}: copy or pack it again");
            offset += read;
            bytes = bytes[read..];
        }
    }

    public T[] Read<T>(long offset, int count) where T : unmanaged
    {
        var values = new T[count];
        Read(offset, values.AsSpan());
        return values;
    }

    /// <summary>Elements of a floating type, widened exactly.</summary>
    public float[] ReadWidened(long offset, ElementType type, int count)
    {
        if (type == ElementType.F32)
            return Read<float>(offset, count);
        var values = new float[count];
        HalfWords.Widen(Read<ushort>(offset, count), type, values);
        return values;
    }

    public void Dispose() => _handle.Dispose();
}
