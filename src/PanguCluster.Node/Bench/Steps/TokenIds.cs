namespace PanguCluster.Node.Bench;

/// <summary>
/// Token ids all over the vocabulary, none twice before the vocabulary is used up, and the same ones every run: rows that differ make the
/// router spread them over the experts, as real traffic does.
/// </summary>
public sealed class TokenIds
{
    private readonly int _vocabulary;
    private readonly long _step;
    private long _next;

    /// <param name="vocabulary">Ids are 0 .. vocabulary - 1.</param>
    /// <param name="start">Sequences of different starts are different.</param>
    public TokenIds(int vocabulary, long start = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabulary, 1);
        _vocabulary = vocabulary;
        // A step without a common divisor with the vocabulary visits every id before it comes back; near the golden section, neighbours are far apart.
        _step = Math.Max(1, (long)(vocabulary * 0.6180339887));
        while (GreatestCommonDivisor(_step, vocabulary) != 1)
            _step++;
        _next = start % vocabulary * _step % vocabulary;
    }

    public int Next()
    {
        _next = (_next + _step) % _vocabulary;
        return (int)_next;
    }

    public int[] Take(int count)
    {
        var ids = new int[count];
        for (int i = 0; i < count; i++)
            ids[i] = Next();
        return ids;
    }

    private static long GreatestCommonDivisor(long a, long b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
