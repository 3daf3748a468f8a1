using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster.Sharding;

namespace PanguCluster.Actors.Experts;

/// <summary>
/// Feeds <see cref="GroupAllocation"/> to the shard coordinator. The first groups wait until <paramref name="minNodes"/> expert nodes have
/// registered, so that nodes started together share the groups without a move; after <paramref name="patience"/> they wait no longer,
/// or a cluster restarted with fewer nodes would never serve. (Akka's own min-nr-of-members also holds up every later coordinator,
/// and so the recovery from the death of the first one.)
/// </summary>
public sealed class GroupAllocationStrategy(Address self, int minNodes, TimeSpan patience, TimeProvider time) : IShardAllocationStrategy
{
    private readonly long _start = time.GetTimestamp();

    public Task<IActorRef> AllocateShard(
        IActorRef requester, string shardId, IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations)
    {
        bool first = currentShardAllocations.Values.All(shards => shards.Count == 0);
        if (first && currentShardAllocations.Count < minNodes && time.GetElapsedTime(_start) < patience)
            return AskAgain();
        var (regions, nodes) = Nodes(currentShardAllocations);
        int chosen = GroupAllocation.Choose(nodes);
        // Decided at once: the coordinator takes the next shard only when this one is counted.
        return chosen < 0 ? AskAgain() : Task.FromResult(regions[chosen]);
    }

    /// <summary>To the coordinator a null that comes later means "not now, retry"; one that is there at once is an error.</summary>
    private static async Task<IActorRef> AskAgain()
    {
        await Task.Yield();
        return null!;
    }

    public Task<IImmutableSet<string>> Rebalance(
        IImmutableDictionary<IActorRef, IImmutableList<string>> currentShardAllocations, IImmutableSet<string> rebalanceInProgress)
    {
        IImmutableSet<string> moves = ImmutableHashSet<string>.Empty;
        // One round at a time: shards on their way would be counted on neither side.
        if (rebalanceInProgress.Count == 0)
            moves = GroupAllocation.Moves(Nodes(currentShardAllocations).Nodes).ToImmutableHashSet();
        return Task.FromResult(moves);
    }

    private (IActorRef[] Regions, NodeGroups[] Nodes) Nodes(IImmutableDictionary<IActorRef, IImmutableList<string>> allocations)
    {
        var regions = allocations.Keys.ToArray();
        var nodes = new NodeGroups[regions.Length];
        for (int i = 0; i < regions.Length; i++)
            nodes[i] = new NodeGroups(AddressOf(regions[i]), allocations[regions[i]]);
        return (regions, nodes);
    }

    private string AddressOf(IActorRef region) => (region.Path.Address.HasLocalScope ? self : region.Path.Address).ToString();
}
