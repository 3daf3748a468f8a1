using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement.Planning;

namespace PanguCluster.Node.Tests.Services;

/// <summary>A coordinator that does what a test says.</summary>
internal sealed class FakeControl(FakeView view) : IClusterControl
{
    public ConcurrentQueue<ControlCommand> Commands { get; } = [];

    public Func<ControlCommand, ControlReply> Answer { get; set; } = _ => new ControlReply(true, "", "");

    public PlacementPlan Plan { get; set; } = new(
        [new GroupReplica(0, "n1"), new GroupReplica(1, "n2"), new GroupReplica(2, "n2")], [new GroupMove(1, "n1", "n2")], [2]);

    public Task<ControlReply> SendAsync(ControlCommand command, CancellationToken cancellation)
    {
        Commands.Enqueue(command);
        return Task.FromResult(Answer(command));
    }

    public PlacementPlan Simulate() => Plan;

    /// <summary>Begins operation "op-1", whose states the view shows one after the other.</summary>
    public void Operate(params OperationInfo[] states) => Answer = command =>
    {
        _ = Task.Run(async () =>
        {
            foreach (var state in states)
            {
                // The table is a moment late.
                await Task.Delay(150);
                view.Current = view.Current with { Operations = [state] };
            }
        });
        return new ControlReply(true, "", "op-1");
    };

    public static OperationInfo Operation(OperationState state, int done = 0, string detail = "moving group 2", long endedUnixMs = 0, OperationKind kind = OperationKind.Drain) =>
        new("op-1", kind, kind == OperationKind.Scale ? "4" : "n2", state, done, 3, detail, 1000, state == OperationState.Running ? 0 : Math.Max(endedUnixMs, 2000));
}

/// <summary>A log that a test writes.</summary>
internal sealed class FakeEvents : IClusterEvents
{
    private readonly Channel<ClusterEvent> _later = Channel.CreateUnbounded<ClusterEvent>();

    public ImmutableArray<ClusterEvent> Recent { get; set; } = [];

    public void Happens(ClusterEvent happened) => _later.Writer.TryWrite(happened);

    public void Record(ClusterEventKind kind, string subject, string detail, TimeSpan? duration = null)
    {
    }

    public async IAsyncEnumerable<ClusterEvent> FollowAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var happened in Recent)
            yield return happened;
        await foreach (var happened in _later.Reader.ReadAllAsync(cancellation))
            yield return happened;
    }

    public static ClusterEvent Event(long at, ClusterEventKind kind = ClusterEventKind.Rerouted, double? took = 38.5, string subject = "n2") =>
        new(at, "n1", at, kind, subject, "groups 2 go to n1", took);
}
