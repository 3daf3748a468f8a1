namespace PanguCluster.Actors.Placement.Coordination;

/// <summary>How the coordinator works. Times are milliseconds where they meet the table's.</summary>
public sealed record PlacementRules
{
    /// <summary>Wanted for each group; fewer where there are fewer nodes.</summary>
    public int Replicas { get; init; } = 2;

    /// <summary>The first placement waits for so many expert nodes, at most <see cref="Patience"/>: nodes started together share the groups without a move.</summary>
    public int MinExpertNodes { get; init; } = 1;

    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Incarnations that one node warms at a time, besides groups that nobody has: warming takes memory bandwidth from those who compute.</summary>
    public int MaxWarmingPerNode { get; init; } = 2;

    /// <summary>From the flip of the routes to the end of the old incarnation. A router that still sends there is answered "not ready" and goes elsewhere.</summary>
    public TimeSpan DrainGrace { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a group is kept from a node that could not open it.</summary>
    public TimeSpan Avoid { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From a node's start to its joining.</summary>
    public TimeSpan LaunchLimit { get; init; } = TimeSpan.FromSeconds(60);

    public int LaunchTries { get; init; } = 3;

    /// <summary>Longest time a scale operation waits for nodes to become empty.</summary>
    public TimeSpan ScaleInLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Ended operations that are remembered.</summary>
    public int KeptOperations { get; init; } = 20;

    /// <summary>Most nodes <c>scale</c> takes.</summary>
    public const int MaxNodes = 1024;
}
