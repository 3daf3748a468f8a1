using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Routing;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Placement;

/// <summary>What a node's placement is made of.</summary>
/// <param name="Initial">This node's state with everything that never changes filled in.</param>
public sealed record PlacementSettings(PackedModel Model, NodeState Initial, RowCounters Counters, LoadGauge Load, TimeProvider Time)
{
    /// <summary>How often load and counters are published.</summary>
    public TimeSpan LoadInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long an urgent change may take to reach every node before gossip has to.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The keeper asks for nothing before so many expert nodes are up, at most <see cref="ExpertPatience"/>.</summary>
    public int MinExpertNodes { get; init; } = 1;

    public TimeSpan ExpertPatience { get; init; } = TimeSpan.Zero;

    /// <summary>How often missing groups are asked for.</summary>
    public TimeSpan KeepInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>What else an operator should know of this node, or null.</summary>
    public Func<string?> Concern { get; init; } = () => null;
}
