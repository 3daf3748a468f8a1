namespace PanguCluster.Integration.Tests.Storm;

/// <summary>When a stream's tokens arrived, and which node it was attached to. Times in seconds of one clock.</summary>
internal sealed class Timeline
{
    private readonly List<double> _tokens = [];
    private readonly List<(double At, string Endpoint)> _attached = [];

    public void Token(double at) => _tokens.Add(at);

    /// <summary>The stream went from one node to another.</summary>
    public void Moved(double at, string from, string to)
    {
        if (_attached.Count == 0)
            _attached.Add((double.MinValue, from));
        _attached.Add((at, to));
    }

    /// <summary>The node whose connection carried the stream at that time; null: one that it has never left.</summary>
    public string? EndpointAt(double time) => _attached.LastOrDefault(a => a.At <= time).Endpoint;

    /// <summary>Seconds between each two tokens that follow each other in a span of time.</summary>
    public IEnumerable<double> Gaps(double from, double to) => Enumerable.Range(0, Math.Max(0, _tokens.Count - 1))
        .Where(i => _tokens[i] >= from && _tokens[i + 1] <= to).Select(i => _tokens[i + 1] - _tokens[i]);

    /// <summary>
    /// Seconds from a kill to the next token: to the end of the longest silence that the kill can have caused, which begins before
    /// <paramref name="settled"/> (what was under way still arrives). Null: the stream did not run through it.
    /// </summary>
    /// <param name="until">What comes later is another kill's doing.</param>
    public double? NextTokenAfter(double kill, double settled, double until)
    {
        if (_tokens.Count == 0 || _tokens[0] > kill || _tokens[^1] < kill)
            return null;
        int first = _tokens.FindLastIndex(t => t <= kill);
        double longest = -1, end = 0;
        for (int i = first; i + 1 < _tokens.Count && _tokens[i] < settled && _tokens[i] < until; i++)
        {
            double silence = _tokens[i + 1] - Math.Max(_tokens[i], kill);
            if (silence > longest)
                (longest, end) = (silence, _tokens[i + 1]);
        }
        return longest < 0 ? null : end - kill;
    }
}
