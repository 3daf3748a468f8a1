using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement.Planning;

namespace PanguCluster.Node.Services;

/// <summary>Stands in where a host has no placement coordinator.</summary>
[SuppressMessage("Performance", "CA1812", Justification = "Made by the service container.")]
internal sealed class NoControl : IClusterControl
{
    private const string Problem = "this node has no placement coordinator";

    public Task<ControlReply> SendAsync(ControlCommand command, CancellationToken cancellation) => throw new ControlUnavailableException(Problem);

    public PlacementPlan Simulate() => throw new ControlUnavailableException(Problem);
}

/// <summary>Stands in where a host keeps no events.</summary>
[SuppressMessage("Performance", "CA1812", Justification = "Made by the service container.")]
internal sealed class NoEvents : IClusterEvents
{
    public ImmutableArray<ClusterEvent> Recent => [];

    public void Record(ClusterEventKind kind, string subject, string detail, TimeSpan? duration = null)
    {
    }

    public async IAsyncEnumerable<ClusterEvent> FollowAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(false);
        yield break;
    }
}
