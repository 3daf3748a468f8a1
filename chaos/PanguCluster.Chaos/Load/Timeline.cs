namespace PanguCluster.Chaos.Load;

/// <summary>What a fault did to a stream, in seconds.</summary>
/// <param name="NextToken">From the fault to the end of the longest silence it can have caused: what was under way when it struck still arrives before that.</param>
/// <param name="Silence">That silence, or what of it came after the fault.</param>
internal readonly record struct Stall(double NextToken, double Silence);

/// <summary>When the tokens of a stream's choices arrived, and which node it was attached to. Times in seconds of one clock.</summary>
internal sealed class Timeline
{
    private readonly List<List<double>> _choices = [];
    private readonly List<(double At, string Endpoint)> _attached = [];

    public void Token(int choice, double at)
    {
        while (_choices.Count <= choice)
            _choices.Add([]);
        _choices[choice].Add(at);
    }

    /// <summary>The stream went from one node to another.</summary>
    public void Moved(double at, string from, string to)
    {
        if (_attached.Count == 0)
            _attached.Add((double.MinValue, from));
        _attached.Add((at, to));
    }

    /// <summary>The node whose connection carried the stream at that time; null: one that it has never left.</summary>
    public string? EndpointAt(double time) => _attached.LastOrDefault(a => a.At <= time).Endpoint;

    /// <summary>Seconds between each two tokens of a choice that follow each other in a span of time.</summary>
    public IEnumerable<double> Gaps(double from, double to) => _choices.SelectMany(tokens => Enumerable.Range(0, Math.Max(0, tokens.Count - 1))
        .Where(i => tokens[i + 1] >= from && tokens[i] <= to).Select(i => tokens[i + 1] - tokens[i]));

    /// <summary>The stall of the choice that stood still longest. Null: no choice ran through the fault.</summary>
    /// <param name="settled">The silence begins before that.</param>
    /// <param name="until">What comes later is another fault's doing.</param>
    public Stall? StallAfter(double fault, double settled, double until)
    {
        Stall? worst = null;
        foreach (var tokens in _choices)
            if (StallAfter(tokens, fault, settled, until) is { } stall && !(worst?.Silence >= stall.Silence))
                worst = stall;
        return worst;
    }

    private static Stall? StallAfter(List<double> tokens, double fault, double settled, double until)
    {
        if (tokens.Count == 0 || tokens[0] > fault || tokens[^1] < fault)
            return null;
        int first = tokens.FindLastIndex(t => t <= fault);
        double longest = -1, end = 0;
        for (int i = first; i + 1 < tokens.Count && tokens[i] < settled && tokens[i] < until; i++)
        {
            double silence = tokens[i + 1] - Math.Max(tokens[i], fault);
            if (silence > longest)
                (longest, end) = (silence, tokens[i + 1]);
        }
        return longest < 0 ? null : new Stall(end - fault, longest);
    }
}
