using System.Collections.Immutable;
using PanguCluster.Actors.Events;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>Keeps what is recorded.</summary>
public sealed class RecordingEvents : IClusterEvents
{
    private readonly Lock _gate = new();
    private readonly List<(ClusterEventKind Kind, string Subject, string Detail, TimeSpan? Duration)> _recorded = [];

    public IReadOnlyList<(ClusterEventKind Kind, string Subject, string Detail, TimeSpan? Duration)> Recorded
    {
        get
        {
            lock (_gate)
                return [.. _recorded];
        }
    }

    public ImmutableArray<ClusterEvent> Recent => [];

    public void Record(ClusterEventKind kind, string subject, string detail, TimeSpan? duration = null)
    {
        lock (_gate)
            _recorded.Add((kind, subject, detail, duration));
    }

    public IAsyncEnumerable<ClusterEvent> FollowAsync(CancellationToken cancellation) => throw new NotSupportedException();
}
