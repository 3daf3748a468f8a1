using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace PanguCluster.Model.Kernels.Managed.Matrices;

/// <summary>
/// Rows on their way into a matrix product, in the form the weights' type wants: f32 as they are, or for integer weights quantized row by row
/// (NUMERICS.md, "Quantize row"). Workspace, allocated once.
/// </summary>
internal sealed class ActivationRows
{
    /// <summary>2^-100: a row whose largest magnitude is below counts as zero.</summary>
    public const float Smallest = 7.8886090522101180541e-31f;

    private readonly float[] _values;
    private readonly sbyte[] _quantized;
    private readonly float[] _scales;

    public ActivationRows(int maxRows, int width, bool quantize)
    {
        Width = width;
        Quantize = quantize;
        _values = quantize ? [] : new float[checked(maxRows * width)];
        _quantized = quantize ? new sbyte[checked(maxRows * width)] : [];
        _scales = quantize ? new float[maxRows] : [];
    }

    public int Width { get; }
    public bool Quantize { get; }

    public ReadOnlySpan<float> Values(int row) => _values.AsSpan(row * Width, Width);
    public ReadOnlySpan<sbyte> Quantized(int row) => _quantized.AsSpan(row * Width, Width);

    /// <summary>What one step of a quantized row stands for.</summary>
    public float Scale(int row) => _scales[row];

    public void Load(int row, ReadOnlySpan<float> x)
    {
        if (Quantize)
            _scales[row] = QuantizeRow(x, _quantized.AsSpan(row * Width, Width));
        else
            x.CopyTo(_values.AsSpan(row * Width, Width));
    }

    /// <summary>A row as a dispatch carries it: f32[width], or int8[width] and the scale.</summary>
    public void LoadEncoded(int row, ReadOnlySpan<byte> encoded)
    {
        if (Quantize)
        {
            MemoryMarshal.Cast<byte, sbyte>(encoded[..Width]).CopyTo(_quantized.AsSpan(row * Width, Width));
            _scales[row] = BinaryPrimitives.ReadSingleLittleEndian(encoded[Width..]);
        }
        else
        {
            MemoryMarshal.Cast<byte, float>(encoded).CopyTo(_values.AsSpan(row * Width, Width));
        }
    }

    /// <summary>The reverse of <see cref="LoadEncoded"/>.</summary>
    public void Encode(int row, Span<byte> encoded)
    {
        if (Quantize)
        {
            MemoryMarshal.AsBytes(Quantized(row)).CopyTo(encoded);
            BinaryPrimitives.WriteSingleLittleEndian(encoded[Width..], _scales[row]);
        }
        else
        {
            MemoryMarshal.AsBytes(Values(row)).CopyTo(encoded);
        }
    }

    /// <returns>The scale.</returns>
    public static float QuantizeRow(ReadOnlySpan<float> x, Span<sbyte> q)
    {
        float m = 0f;
        foreach (float v in x)
        {
            float a = MathF.Abs(v);
            if (a > m)
                m = a;
        }
        if (m < Smallest)
        {
            q.Clear();
            return 0f;
        }
        float inverse = 127.0f / m;
        for (int i = 0; i < x.Length; i++)
            q[i] = (sbyte)(int)MathF.Round(x[i] * inverse, MidpointRounding.ToEven);
        return m / 127.0f;
    }
}
