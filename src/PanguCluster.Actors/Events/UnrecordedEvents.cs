using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace PanguCluster.Actors.Events;

internal sealed class UnrecordedEvents : IClusterEvents
{
    public ImmutableArray<ClusterEvent> Recent => [];

    public void Record(ClusterEventKind kind, string subject, string detail, TimeSpan? duration = null)
    {
    }

    public async IAsyncEnumerable<ClusterEvent> FollowAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        yield break;
    }
}
