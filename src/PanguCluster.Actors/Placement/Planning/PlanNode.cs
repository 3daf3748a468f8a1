using System.Collections.Immutable;

namespace PanguCluster.Actors.Placement.Planning;

public enum NodeDuty
{
    /// <summary>Takes groups and keeps them.</summary>
    Serves,

    /// <summary>Keeps what it has and takes nothing new.</summary>
    Cordoned,

    /// <summary>On its way out: what it has moves away.</summary>
    Drains,
}

/// <summary>A node that may hold expert groups.</summary>
/// <param name="Capacity">Groups its memory holds, those it has now included. Groups of one model are equally large.</param>
/// <param name="Files">Groups whose file it has: the others it must fetch first.</param>
public sealed record PlanNode(string Id, int Capacity, NodeDuty Duty, ImmutableHashSet<int> Files)
{
    /// <summary>Groups that could not be opened there a short while ago.</summary>
    public ImmutableHashSet<int> Avoids { get; init; } = [];
}

/// <summary>A group on a node: one replica.</summary>
public readonly record struct GroupReplica(int Group, string NodeId);

/// <summary>One step towards a target. With both ends: <paramref name="From"/> stops only when <paramref name="To"/> is ready.</summary>
/// <param name="From">Null: a replica more.</param>
/// <param name="To">Null: a replica less.</param>
public sealed record GroupMove(int Group, string? From, string? To);

/// <param name="Target">Where every replica is when all moves are done.</param>
/// <param name="Short">Groups that get fewer replicas than wanted, for want of nodes or memory.</param>
public sealed record PlacementPlan(ImmutableArray<GroupReplica> Target, ImmutableArray<GroupMove> Moves, ImmutableArray<int> Short);
