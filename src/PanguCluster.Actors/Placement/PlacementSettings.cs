using Akka.Actor;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>What a node's placement is made of.</summary>
/// <param name="Initial">This node's state with everything that never changes filled in.</param>
public sealed record PlacementSettings(
    PackedModel Model, NodeState Initial, RowCounters Counters, LocalDevices Devices, LoadGauge Load, PlacementDirectory Directory, TimeProvider Time)
{
    /// <summary>How often load and counters are published.</summary>
    public TimeSpan LoadInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long an urgent change may take to reach every node before gossip has to.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often this node asks for an incarnation it should have and has not.</summary>
    public TimeSpan EnsureInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a stand-in goes on beside an owner that is back.</summary>
    public TimeSpan Relief { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a lost connection must stay lost before the peer is downed: a healthy one is back at once.</summary>
    public TimeSpan DownAfter { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Makes a device that stands in for a group's owner.</summary>
    public required Func<int, Props> StandIn { get; init; }

    /// <summary>The cluster has decided that this node, empty by now, is to leave. May be called more than once.</summary>
    public Action<string> Leave { get; init; } = _ => { };

    /// <summary>This node cannot stay in the cluster, and why. May be called more than once.</summary>
    public Action<string> Refused { get; init; } = _ => { };

    /// <summary>How long another member may have this node's id: an earlier life of this node, killed, is unreachable well before.</summary>
    public TimeSpan DoubleIdPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Groups whose file is here.</summary>
    public required Func<IReadOnlyList<int>> Files { get; init; }

    public required IClusterEvents Events { get; init; }

    /// <summary>What else an operator should know of this node, or null.</summary>
    public Func<string?> Concern { get; init; } = () => null;
}
