using System.Collections.Concurrent;
using Akka.Actor;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Control.Autoscaling;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Actors.Tests.Control;

public sealed class AutoscalerTests : IDisposable
{
    private static readonly AutoscaleOptions Eager = new() { MinNodes = 1, MaxNodes = 4, QueueWait = TimeSpan.FromMilliseconds(1), UpCoolDown = TimeSpan.Zero };

    private readonly ActorSystem _system = ActorSystem.Create("autoscaler");
    private readonly ClusterEventLog _log = new("n1", TimeProvider.System);
    private readonly FakeView _view = new();
    private readonly FakeControl _control = new();

    public void Dispose() => _system.Terminate().Wait(TimeSpan.FromSeconds(10));

    private sealed class FakeView : IClusterView
    {
        public ClusterSnapshot Current { get; set; } = Cluster("n1", waiting: 3);
    }

    private sealed class FakeControl : IClusterControl
    {
        public ConcurrentQueue<ControlCommand> Commands { get; } = [];
        public ControlReply Reply { get; set; } = new(true, "", "op");

        public Task<ControlReply> SendAsync(ControlCommand command, CancellationToken cancellation)
        {
            Commands.Enqueue(command);
            return Task.FromResult(Reply);
        }

        public PlacementPlan Simulate() => new([], [], []);
    }

    private static ClusterSnapshot Cluster(string coordinator, int waiting, params OperationInfo[] operations) => new(
        "m", "d", 1, 1, 0,
        [.. Enumerable.Range(1, 2).Select(i => new NodeInfo(
            $"n{i}", "a", "Up", NodeRoles.All, "", "", [], new DecoderLoad(1, waiting, 50, 100, 0, 0, 0), "managed", "d"))], [])
    {
        Coordinator = coordinator, Operations = operations,
    };

    private void Start() => _system.ActorOf(Props.Create(() => new Autoscaler("n1", Eager, _view, _control, _log, TimeProvider.System)));

    [Fact]
    public async Task Autoscaler_should_ask_for_a_node_more_when_requests_wait_and_say_why()
    {
        Start();
        await Eventually.Holds(() => !_control.Commands.IsEmpty, "a command");
        Assert.Equal(new ControlCommand.Scale(3), _control.Commands.First());
        await Eventually.Holds(() => Said("sequences wait"), "the reason");
    }

    [Fact]
    public async Task Autoscaler_should_tell_the_same_refusal_once()
    {
        _control.Reply = new ControlReply(false, "no launcher", "");
        Start();
        await Eventually.Holds(() => _control.Commands.Count >= 3, "three attempts");
        Assert.Single(Recorded, e => e.Detail.EndsWith("refused: no launcher", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Autoscaler_should_leave_it_to_the_coordinators_node_and_to_an_operation_that_runs()
    {
        _view.Current = Cluster("n2", waiting: 3);
        Start();
        await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken);
        _view.Current = Cluster("n1", 3, new OperationInfo("op", OperationKind.Drain, "n2", OperationState.Running, 0, 1, "", 1, 0));
        await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken);
        Assert.Empty(_control.Commands);
    }

    private readonly List<ClusterEvent> _recorded = [];

    private IReadOnlyList<ClusterEvent> Recorded
    {
        get
        {
            while (_log.Pending.TryRead(out var e))
                _recorded.Add(e);
            return _recorded;
        }
    }

    private bool Said(string words) => Recorded.Any(e => e.Kind == ClusterEventKind.Autoscale && e.Detail.Contains(words, StringComparison.Ordinal));
}
