using PanguCluster.Actors.Placement;

namespace PanguCluster.Actors.Control.Autoscaling;

/// <summary>From snapshots of the cluster to the rule's inputs: remembers since when there is a queue, and since when the number of nodes is what it is. Pure but for its memory.</summary>
internal sealed class AutoscaleWatch(TimeProvider time)
{
    private long _changed = time.GetTimestamp();
    private long? _queueSince;
    private int _nodes = -1;

    /// <summary>Another number of nodes was asked for.</summary>
    public void Asked() => _changed = time.GetTimestamp();

    public AutoscaleInputs Look(ClusterSnapshot cluster)
    {
        long now = time.GetTimestamp();
        int nodes = cluster.Nodes.Count(n => n.Status is "Up" or "Joining" or "WeaklyUp");
        if (nodes != _nodes)
            (_nodes, _changed) = (nodes, now);
        var loads = cluster.Nodes.Where(n => n.Load is not null).Select(n => n.Load!.Value).ToArray();
        int waiting = loads.Sum(l => l.Waiting);
        _queueSince = waiting == 0 ? null : _queueSince ?? now;
        long total = loads.Sum(l => (long)l.TotalBlocks);
        double use = total == 0 ? 0 : 1 - loads.Sum(l => (long)l.FreeBlocks) / (double)total;
        return new AutoscaleInputs(
            nodes, waiting, _queueSince is { } since ? time.GetElapsedTime(since, now) : TimeSpan.Zero, Math.Clamp(use, 0, 1), time.GetElapsedTime(_changed, now));
    }
}
