using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster.Sharding;
using PanguCluster.Actors.Placement.Table;

namespace PanguCluster.Actors.Experts;

/// <summary>
/// Shards go where the placement table has their incarnation, and nowhere else: what is not in the table is not allocated. A shard never moves; one whose
/// incarnation has ended is given back, so that the coordinator's state does not grow with every move.
/// </summary>
public sealed class TableAllocationStrategy(Address self, PlacementDirectory directory) : IShardAllocationStrategy
{
    public Task<IActorRef> AllocateShard(
        IActorRef requester, string shardId, IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations)
    {
        // The table may be ahead of the regions, or this node's copy behind: both pass.
        var home = directory.AddressOf(shardId) is { } address ? currentShardAllocations.Keys.FirstOrDefault(r => AddressOf(r) == address) : null;
        // A region that is none of its own makes the coordinator wait to be asked again. (A null that comes later does so too, but one that comes too early is an error.)
        return Task.FromResult(home ?? ActorRefs.Nobody);
    }

    public Task<IImmutableSet<string>> Rebalance(
        IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations, IImmutableSet<string> rebalanceInProgress)
    {
        var table = directory.Table;
        var known = table.Groups.Select(i => i.Id).ToHashSet(StringComparer.Ordinal);
        // A number that is still to come in this copy of the table has not ended: the copy is old.
        IImmutableSet<string> ended = currentShardAllocations.Values.SelectMany(shards => shards)
            .Where(s => !known.Contains(s) && GroupSharding.NumberOf(s) < table.NextNumber && !rebalanceInProgress.Contains(s))
            .ToImmutableHashSet();
        return Task.FromResult(ended);
    }

    private string AddressOf(IActorRef region) => (region.Path.Address.HasLocalScope ? self : region.Path.Address).ToString();
}
