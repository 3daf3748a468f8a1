using System.Globalization;
using PanguCluster.Actors.Routing;

namespace PanguCluster.Actors.Events;

/// <summary>Layers that met a failure, as events: one for a node and second, however many layers it held up. Called on the router's thread.</summary>
internal sealed class Reroutes(IClusterEvents events, TimeProvider time)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    /// <summary>A layer that was only late is no news unless it took longer than a heartbeat of its link: hedging is there for those.</summary>
    private static readonly TimeSpan Tolerated = TimeSpan.FromMilliseconds(100);

    /// <summary>Of nodes that may be long gone; forgetting them costs an event at most.</summary>
    private const int MostNodes = 256;

    private readonly Dictionary<string, long> _last = new(StringComparer.Ordinal);

    public void On(StalledLayer layer)
    {
        if (layer.Cause == StallCause.Late && layer.Duration < Tolerated)
            return;
        long now = time.GetTimestamp();
        if (_last.TryGetValue(layer.NodeId, out long last) && time.GetElapsedTime(last, now) < Quiet)
            return;
        if (_last.Count >= MostNodes)
            _last.Clear();
        _last[layer.NodeId] = now;
        string groups = string.Join(", ", layer.Groups.Select(g => g.ToString(CultureInfo.InvariantCulture)));
        events.Record(ClusterEventKind.Rerouted, layer.NodeId.Length > 0 ? layer.NodeId : $"group {groups}", $"groups {groups}: {Words(layer.Cause)}", layer.Duration);
    }

    private static string Words(StallCause cause) => cause switch
    {
        StallCause.LinkDown => "the link broke or fell silent",
        StallCause.NotReady => "the owner no longer had them",
        StallCause.Failed => "a kernel failed",
        StallCause.Late => "no answer in time",
        _ => "no owner could take them for a time",
    };
}
