using System.Runtime.InteropServices;
using PanguCluster.Model.Checkpoints;

namespace PanguCluster.Model.Packing;

/// <summary>
/// Reads one checkpoint tensor [rows, columns] (a vector is one row) front to back, a strip of rows at a time, as f32 or as 16-bit
/// elements. NaN and infinities are refused, naming the tensor and the index.
/// </summary>
internal sealed class MatrixReader : IDisposable
{
    private readonly TensorInfo _info;
    private readonly string _path;
    private readonly Stream _stream;
    private readonly ElementType _source;
    private byte[] _raw = [];
    private long _read;

    public MatrixReader(Checkpoint checkpoint, string name, int columns)
    {
        var (file, info) = checkpoint[name];
        _info = info;
        _path = file.Path;
        _source = info.Element!.Value;
        _stream = file.Map(info);
        Columns = columns;
        Rows = checked((int)(info.Bytes / _source.Size() / columns));
    }

    public int Rows { get; }
    public int Columns { get; }

    /// <summary>The next rows, widened exactly to f32.</summary>
    public void ReadFloats(Span<float> destination)
    {
        if (_source == ElementType.F32)
        {
            ReadF32(destination);
            return;
        }
        var bits = MemoryMarshal.Cast<byte, ushort>(Fill(destination.Length * 2));
        CheckFinite(NonFinite.IndexIn(bits, _source));
        HalfWords.Widen(bits, _source, destination);
        _read += destination.Length;
    }

    /// <summary>The next rows as 16-bit elements: kept when the tensor has this type, else rounded to nearest even.</summary>
    public void ReadHalf(Span<ushort> destination, ElementType type)
    {
        if (_source == type)
        {
            _stream.ReadExactly(MemoryMarshal.AsBytes(destination));
            CheckFinite(NonFinite.IndexIn(destination, type));
            _read += destination.Length;
            return;
        }
        if (_source != ElementType.F32 || type != ElementType.Bf16)
            throw new InvalidOperationException($"{_info.Name}: {_info.DataType} is not stored as {ManifestJson.NameOf(type)}");
        var values = MemoryMarshal.Cast<byte, float>(Fill(destination.Length * 4));
        CheckFinite(NonFinite.IndexIn(MemoryMarshal.Cast<float, uint>(values)));
        for (int i = 0; i < destination.Length; i++)
            destination[i] = HalfWords.ToBf16(values[i]);
        // Values in the last half step below the largest f32 round up to infinity.
        int overflow = NonFinite.IndexIn(destination, type);
        if (overflow >= 0)
            throw new ModelFormatException($"{_path}: tensor {_info.Name}[{_read + overflow}] is {values[overflow]}: too large for bf16");
        _read += destination.Length;
    }

    public void Dispose() => _stream.Dispose();

    private void ReadF32(Span<float> destination)
    {
        _stream.ReadExactly(MemoryMarshal.AsBytes(destination));
        CheckFinite(NonFinite.IndexIn(MemoryMarshal.Cast<float, uint>(destination)));
        _read += destination.Length;
    }

    private Span<byte> Fill(int bytes)
    {
        if (_raw.Length < bytes)
            _raw = GC.AllocateUninitializedArray<byte>(bytes);
        var span = _raw.AsSpan(0, bytes);
        _stream.ReadExactly(span);
        return span;
    }

    private void CheckFinite(int index)
    {
        if (index >= 0)
            throw new ModelFormatException($"{_path}: tensor {_info.Name}[{_read + index}] is NaN or infinite: the checkpoint is damaged");
    }
}
