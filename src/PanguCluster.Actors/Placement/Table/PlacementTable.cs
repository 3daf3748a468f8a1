using System.Collections.Immutable;
using Akka.DistributedData;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Wire;

namespace PanguCluster.Actors.Placement.Table;

public enum IncarnationPhase
{
    /// <summary>Its node fetches, maps and warms it; rows go to the others.</summary>
    Warming = 0,
    Serving = 1,

    /// <summary>Rows go to the others; it stops as soon as every router has had time to see that.</summary>
    Draining = 2,
}

/// <summary>One life of a group on a node: a sharding entity, and a shard of its own.</summary>
/// <param name="Number">Unique in the cluster's life; the later of two has the greater one.</param>
/// <param name="SinceUnixMs">When it entered its phase.</param>
public sealed record GroupIncarnation(int Group, long Number, string NodeId, IncarnationPhase Phase, long SinceUnixMs)
{
    public string Id => IdOf(Group, Number);

    public static string IdOf(int group, long number) => FormattableString.Invariant($"g{group}.{number}");
}

/// <param name="Leaves">The node is empty: it leaves the cluster, and its process ends.</param>
public sealed record NodeAssignment(string NodeId, NodeDuty Duty, bool Leaves)
{
    /// <summary>Of a node that is drained: the version of its own report that was the first of those that say it has nothing left; 0: the last one does not.</summary>
    public long EmptySince { get; init; }
}

/// <summary>A group could not be opened on a node: not there again before the time.</summary>
public sealed record GroupAvoidance(int Group, string NodeId, long UntilUnixMs);

/// <summary>An operation with what the coordinator must remember of it.</summary>
/// <param name="DeadlineUnixMs">It fails if it has not ended by then.</param>
/// <param name="Leave">A drain that ends with the node's leaving.</param>
/// <param name="Nodes">A scale operation's: nodes it has had started, or is draining.</param>
/// <param name="Tries">How often a start has failed.</param>
public sealed record Operation(OperationInfo Info, long DeadlineUnixMs, bool Leave, ImmutableArray<string> Nodes, int Tries)
{
    public bool IsRunning => Info.State == OperationState.Running;

    public bool Equals(Operation? other) => other is not null && Info == other.Info && DeadlineUnixMs == other.DeadlineUnixMs && Leave == other.Leave
        && Tries == other.Tries && Nodes.SequenceEqual(other.Nodes);

    public override int GetHashCode() => HashCode.Combine(Info, DeadlineUnixMs, Leave, Nodes.Length, Tries);
}

/// <summary>
/// What the coordinator has decided: which incarnation belongs where, what each node's duty is, what is under way. Every node acts on its own copy, so nothing
/// that was decided waits for the coordinator, and the next coordinator goes on where the last one ended.
/// </summary>
/// <param name="Version">Grows with every change.</param>
/// <param name="Epoch">Grows with every change of <paramref name="Groups"/>.</param>
/// <param name="Coordinator">Node id of the writer.</param>
/// <param name="NextNumber">The next incarnation's.</param>
/// <param name="Replicas">Wanted for each group.</param>
/// <param name="Assignments">Nodes whose duty is not simply to serve.</param>
/// <param name="Operations">Newest first, bounded.</param>
public sealed record PlacementTable(
    long Version, long Epoch, string Coordinator, long NextNumber, int Replicas, ImmutableArray<GroupIncarnation> Groups,
    ImmutableArray<NodeAssignment> Assignments, ImmutableArray<GroupAvoidance> Avoided, ImmutableArray<Operation> Operations)
    : IReplicatedData<PlacementTable>, IWireMessage
{
    public static PlacementTable Empty { get; } = new(0, 0, "", 1, 1, [], [], [], []);

    public NodeDuty DutyOf(string nodeId) => Assignments.FirstOrDefault(a => a.NodeId == nodeId)?.Duty ?? NodeDuty.Serves;

    public bool Leaves(string nodeId) => Assignments.Any(a => a.NodeId == nodeId && a.Leaves);

    /// <summary>One writer at a time; should a partition have made two, the one that has decided more.</summary>
    public PlacementTable Merge(PlacementTable other) =>
        other.Version > Version || (other.Version == Version && string.CompareOrdinal(other.Coordinator, Coordinator) > 0) ? other : this;

    IReplicatedData IReplicatedData.Merge(IReplicatedData other) => Merge((PlacementTable)other);

    public bool Equals(PlacementTable? other) => other is not null && Version == other.Version && Epoch == other.Epoch && Coordinator == other.Coordinator
        && NextNumber == other.NextNumber && Replicas == other.Replicas && Groups.SequenceEqual(other.Groups) && Assignments.SequenceEqual(other.Assignments)
        && Avoided.SequenceEqual(other.Avoided) && Operations.SequenceEqual(other.Operations);

    public override int GetHashCode() => HashCode.Combine(Version, Epoch, Coordinator);
}

/// <summary>One table for the nodes of one model.</summary>
public sealed class PlacementTableKey(string modelDigest) : Key<PlacementTable>("pangu-placement-" + modelDigest);
