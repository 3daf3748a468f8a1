using PanguCluster.Actors.Weights;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>For devices whose model folder is whole.</summary>
public sealed class AllGroupsHere : IGroupFiles
{
    public bool Has(int group) => true;

    public Task EnsureAsync(int group, Action<long> progress, CancellationToken cancellation) => Task.CompletedTask;

    public bool RemoveDamaged(int group) => false;
}
