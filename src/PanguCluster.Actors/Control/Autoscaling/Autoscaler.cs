using Akka.Actor;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement;

namespace PanguCluster.Actors.Control.Autoscaling;

/// <summary>
/// One on every node; only that of the coordinator's node acts. Asks for another number of nodes as an operator would, so what it does is an operation like any
/// other, and waits until no other one runs.
/// </summary>
internal sealed class Autoscaler : UntypedActor, IWithTimers
{
    private sealed class Tick : INoSerializationVerificationNeeded
    {
        public static readonly Tick Instance = new();
    }

    private sealed record Answered(AutoscaleDecision Decision, ControlReply? Reply, string Trouble) : INoSerializationVerificationNeeded;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly string _nodeId;
    private readonly AutoscaleOptions _options;
    private readonly IClusterView _view;
    private readonly IClusterControl _control;
    private readonly IClusterEvents _events;
    private readonly AutoscaleWatch _watch;
    private string _lastRefusal = "";
    private bool _asking;

    public Autoscaler(string nodeId, AutoscaleOptions options, IClusterView view, IClusterControl control, IClusterEvents events, TimeProvider time)
    {
        _nodeId = nodeId;
        _options = options;
        _view = view;
        _control = control;
        _events = events;
        _watch = new AutoscaleWatch(time);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Instance, Tick.Instance, Every);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Tick:
                Look();
                break;
            case Answered answered:
                OnAnswered(answered);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Look()
    {
        var cluster = _view.Current;
        // Looked at on every node, so that the next coordinator's knows since when there is a queue.
        var inputs = _watch.Look(cluster);
        if (_asking || cluster.Coordinator != _nodeId || inputs.Nodes == 0 || cluster.Operations.Any(o => o.State == OperationState.Running))
            return;
        var decision = AutoscaleRule.Decide(inputs, _options);
        if (decision.Nodes == inputs.Nodes)
            return;
        _asking = true;
        _watch.Asked();
        var self = Self;
        _control.SendAsync(new ControlCommand.Scale(decision.Nodes), CancellationToken.None).ContinueWith(
            t => self.Tell(new Answered(decision, t.IsCompletedSuccessfully ? t.Result : null, t.Exception?.GetBaseException().Message ?? ""), self),
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void OnAnswered(Answered answered)
    {
        _asking = false;
        string subject = FormattableString.Invariant($"{answered.Decision.Nodes} nodes");
        if (answered.Reply is { Accepted: true })
        {
            _lastRefusal = "";
            _events.Record(ClusterEventKind.Autoscale, subject, answered.Decision.Reason);
            return;
        }
        // The same refusal again is no news.
        string why = answered.Reply?.Reason ?? answered.Trouble;
        if (why != _lastRefusal)
            _events.Record(ClusterEventKind.Autoscale, subject, $"{answered.Decision.Reason}; refused: {why}");
        _lastRefusal = why;
    }
}
