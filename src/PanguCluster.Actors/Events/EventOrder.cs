namespace PanguCluster.Actors.Events;

/// <summary>A total order: by time, then by every other field, so that all nodes keep the same events.</summary>
public sealed class EventOrder : IComparer<ClusterEvent>
{
    public static readonly EventOrder Instance = new();

    /// <summary>Two events with the same are one event, seen twice.</summary>
    public static (string Recorder, long Sequence) Identity(ClusterEvent e) => (e.Recorder, e.Sequence);

    public int Compare(ClusterEvent? x, ClusterEvent? y)
    {
        if (x is null || y is null)
            return (x is null ? 0 : 1) - (y is null ? 0 : 1);
        int order = x.AtUnixMs.CompareTo(y.AtUnixMs);
        order = order != 0 ? order : string.CompareOrdinal(x.Recorder, y.Recorder);
        order = order != 0 ? order : x.Sequence.CompareTo(y.Sequence);
        order = order != 0 ? order : x.Kind.CompareTo(y.Kind);
        order = order != 0 ? order : string.CompareOrdinal(x.Subject, y.Subject);
        order = order != 0 ? order : string.CompareOrdinal(x.Detail, y.Detail);
        return order != 0 ? order : Nullable.Compare(x.DurationMs, y.DurationMs);
    }
}
