namespace PanguCluster.Actors.Placement.Planning;

/// <summary>
/// Maximum flow of least cost over arcs of capacity 1, by successive shortest paths (Ahuja, Magnanti, Orlin, "Network Flows", section 9.7). The result depends on
/// the order of <see cref="Add"/> alone.
/// </summary>
internal sealed class MinimumCostFlow(int vertices)
{
    private readonly List<int>[] _out = [.. Enumerable.Range(0, vertices).Select(_ => new List<int>())];

    // Arc i and its way back i ^ 1.
    private readonly List<int> _to = [];
    private readonly List<long> _cost = [];
    private readonly List<bool> _free = [];

    /// <returns>The arc, for <see cref="IsUsed"/>.</returns>
    public int Add(int from, int to, long cost)
    {
        int arc = _to.Count;
        AddHalf(from, to, cost, free: true);
        AddHalf(to, from, -cost, free: false);
        return arc;
    }

    public bool IsUsed(int arc) => !_free[arc];

    public void Solve(int source, int sink)
    {
        while (ShortestPath(source, sink) is { } arrivals)
            for (int v = sink; v != source; v = _to[arrivals[v] ^ 1])
            {
                _free[arrivals[v]] = false;
                _free[arrivals[v] ^ 1] = true;
            }
    }

    private void AddHalf(int from, int to, long cost, bool free)
    {
        _out[from].Add(_to.Count);
        _to.Add(to);
        _cost.Add(cost);
        _free.Add(free);
    }

    /// <returns>By vertex, the arc by which the cheapest path comes to it; null without a path. Bellman and Ford's method: costs may be negative, cycles never are.</returns>
    private int[]? ShortestPath(int source, int sink)
    {
        var distance = new long[vertices];
        Array.Fill(distance, long.MaxValue);
        var arrivals = new int[vertices];
        var queued = new bool[vertices];
        var queue = new Queue<int>([source]);
        distance[source] = 0;
        while (queue.TryDequeue(out int from))
        {
            queued[from] = false;
            foreach (int arc in _out[from])
            {
                int to = _to[arc];
                if (!_free[arc] || distance[from] + _cost[arc] >= distance[to])
                    continue;
                distance[to] = distance[from] + _cost[arc];
                arrivals[to] = arc;
                if (!queued[to])
                {
                    queued[to] = true;
                    queue.Enqueue(to);
                }
            }
        }
        return distance[sink] == long.MaxValue ? null : arrivals;
    }
}
