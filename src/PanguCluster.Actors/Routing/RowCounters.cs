namespace PanguCluster.Actors.Routing;

/// <summary>Token rows per group that a router has had answered. One writer, many readers.</summary>
public sealed class RowCounters(int groups)
{
    private readonly long[] _rows = new long[groups];
    private readonly object _gate = new();
    private long _tokens;

    /// <summary>Counts one finished layer.</summary>
    /// <param name="answered">[group] rows whose output was taken, once each however often they were sent.</param>
    /// <param name="rows">Token rows of the layer.</param>
    public void Add(ReadOnlySpan<int> answered, int rows)
    {
        lock (_gate)
        {
            for (int g = 0; g < _rows.Length; g++)
                _rows[g] += answered[g];
            _tokens += rows;
        }
    }

    public (long[] Rows, long Tokens) Read()
    {
        lock (_gate)
            return ([.. _rows], _tokens);
    }

    /// <summary>(max rows - min rows) / tokens over devices: arXiv 2505.21411 equation 3. 0 without tokens.</summary>
    public static double ImbalanceScore(IReadOnlyList<long> rows, long tokens) =>
        tokens == 0 || rows.Count == 0 ? 0 : (rows.Max() - rows.Min()) / (double)tokens;
}
