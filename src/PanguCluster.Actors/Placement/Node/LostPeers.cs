namespace PanguCluster.Actors.Placement.Node;

/// <summary>For how long peers have been taken for gone: a connection that breaks is back at once where the process lives.</summary>
internal sealed class LostPeers(TimeProvider time, TimeSpan patience)
{
    private readonly Dictionary<string, long> _since = [];
    private readonly HashSet<string> _given = [];

    /// <param name="gone">Addresses of all that are taken for gone now.</param>
    /// <returns>Those that have been for long enough now: each once.</returns>
    public IReadOnlyList<string> Follow(IReadOnlyList<string> gone)
    {
        foreach (string back in _since.Keys.Except(gone).ToArray())
        {
            _since.Remove(back);
            _given.Remove(back);
        }
        foreach (string address in gone)
            _since.TryAdd(address, time.GetTimestamp());
        return [.. _since.Where(s => time.GetElapsedTime(s.Value) >= patience).Select(s => s.Key).Where(_given.Add)];
    }
}
