using Akka.Actor;
using PanguCluster.Actors.Placement.Planning;

namespace PanguCluster.Actors.Control;

/// <summary>A node's way to the coordinator: a command is sent again until it is answered or too old.</summary>
internal sealed class ClusterControl(TimeProvider time, Func<PlacementPlan> simulate) : IClusterControl
{
    /// <summary>Less than the console waits, so that the node's own words reach it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    private IActorRef? _client;

    /// <summary>The actor system runs: commands may be sent.</summary>
    public void Open(IActorRef client) => Volatile.Write(ref _client, client);

    public PlacementPlan Simulate() => simulate();

    public async Task<ControlReply> SendAsync(ControlCommand command, CancellationToken cancellation)
    {
        if (Volatile.Read(ref _client) is not { } client)
            throw new ControlUnavailableException("the node is starting");
        var request = new ControlProtocol.Request(Guid.NewGuid().ToString("N"), command);
        var answer = new TaskCompletionSource<ControlReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        client.Tell(new ControlClient.Ask(request, answer), ActorRefs.NoSender);
        try
        {
            return await answer.Task.WaitAsync(Patience, time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new ControlUnavailableException($"the placement coordinator has not answered within {Patience.TotalSeconds:0} s; try again");
        }
        finally
        {
            client.Tell(new ControlClient.Forget(request.RequestId), ActorRefs.NoSender);
        }
    }
}

/// <summary>Sends commands to the coordinator, wherever it is by now, until they are answered.</summary>
internal sealed class ControlClient : UntypedActor, IWithTimers
{
    internal sealed record Ask(ControlProtocol.Request Request, TaskCompletionSource<ControlReply> Answer) : INoSerializationVerificationNeeded;

    internal sealed record Forget(string RequestId) : INoSerializationVerificationNeeded;

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    private readonly IActorRef _coordinator;
    private readonly Dictionary<string, Ask> _open = [];

    /// <param name="coordinator">The singleton's proxy.</param>
    public ControlClient(IActorRef coordinator) => _coordinator = coordinator;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Instance, Tick.Instance, Retry);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Ask ask:
                _open[ask.Request.RequestId] = ask;
                _coordinator.Tell(ask.Request, Self);
                break;
            case ControlProtocol.Answer answer:
                if (_open.Remove(answer.RequestId, out var asked))
                    asked.Answer.TrySetResult(answer.Reply);
                break;
            case Forget forget:
                _open.Remove(forget.RequestId);
                break;
            case Tick:
                foreach (var open in _open.Values)
                    _coordinator.Tell(open.Request, Self);
                break;
            default:
                Unhandled(message);
                break;
        }
    }
}
