using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace PanguCluster.Model.Tests.Fixtures;

/// <summary>A two-dimensional little-endian f32 array as NumPy saves it (format version 1, C order).</summary>
internal sealed partial record NpyArray(int Rows, int Columns, float[] Values)
{
    public ReadOnlySpan<float> Row(int row) => Values.AsSpan(row * Columns, Columns);

    public static NpyArray Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int headerLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        string header = Encoding.ASCII.GetString(bytes, 10, headerLength);
        var match = Header().Match(header);
        if (bytes[0] != 0x93 || bytes[6] != 1 || !match.Success)
            throw new InvalidDataException($"{path}: not a 2-dimensional <f4 array in C order: {header}");
        int rows = int.Parse(match.Groups[1].ValueSpan), columns = int.Parse(match.Groups[2].ValueSpan);
        float[] values = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(10 + headerLength)).ToArray();
        if (values.Length != rows * columns)
            throw new InvalidDataException($"{path}: {values.Length} values for {rows} x {columns}");
        return new NpyArray(rows, columns, values);
    }

    [GeneratedRegex(@"'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\)")]
    private static partial Regex Header();
}
