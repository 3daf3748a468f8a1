namespace PanguCluster.Model.Packing;

/// <summary>Matrices of equal width read as one, top to bottom: queries, keys and values of the fused projection.</summary>
internal sealed class StackedMatrix(params MatrixReader[] parts) : IDisposable
{
    private int _part;
    private int _row;

    public int Columns => parts[0].Columns;
    public int Rows => parts.Sum(p => p.Rows);

    public void ReadFloats(Span<float> destination)
    {
        while (destination.Length > 0)
        {
            int rows = Next(destination.Length / Columns, out var part);
            part.ReadFloats(destination[..(rows * Columns)]);
            destination = destination[(rows * Columns)..];
        }
    }

    public void ReadHalf(Span<ushort> destination, ElementType type)
    {
        while (destination.Length > 0)
        {
            int rows = Next(destination.Length / Columns, out var part);
            part.ReadHalf(destination[..(rows * Columns)], type);
            destination = destination[(rows * Columns)..];
        }
    }

    public void Dispose()
    {
        foreach (var part in parts)
            part.Dispose();
    }

    private int Next(int wanted, out MatrixReader part)
    {
        if (_row == parts[_part].Rows)
        {
            _part++;
            _row = 0;
        }
        part = parts[_part];
        int rows = Math.Min(wanted, part.Rows - _row);
        _row += rows;
        return rows;
    }
}
