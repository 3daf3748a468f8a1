using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Tests.Routing;

/// <summary>An exchange of 8 groups with links, devices and a clock of the test's. Groups 4 to 7 have devices here.</summary>
public abstract class ExchangeHarness : IComputeOwner
{
    private protected readonly LayerDispatch _buffer = new(TestModel.Bf16.Manifest, 8) { Rows = 3, StepId = 9, Layer = 1 };
    private protected readonly LocalDevices _devices = new(8);
    private protected readonly FakeLink _a = new("a");
    private protected readonly FakeLink _b = new("b");
    private protected readonly LayerExchange _exchange;
    private protected readonly List<ComputeRows> _mailbox = [];
    private protected readonly RouterFaults _faults = new();
    private protected long _now; // us

    protected ExchangeHarness(HedgeOptions? hedging = null)
    {
        _exchange = new LayerExchange(_devices, this, _faults, hedging ?? HedgeOptions.Default, 1_000_000);
        for (int g = 4; g < 8; g++)
            AddDevice(g);
    }

    void IComputeOwner.Completed(ComputeRows work) => _exchange.OnLocal(work, _now);

    private protected void AddDevice(int group) => _devices.Add(group, new FakeDevice(_mailbox));

    /// <param name="owners">[group] node ids in order, with commas between; "me" is this node.</param>
    private protected static RouteTable Routes(params string?[] owners) => new(
        1, [.. owners.Select(o => o is null ? GroupOwners.None : new GroupOwners([.. o.Split(',').Select(n => new GroupRoute(n, 1, n == "me"))]))],
        [.. owners.OfType<string>().SelectMany(o => o.Split(',')).Where(n => n != "me").Distinct().Select(n => new PeerNode(n, default))]);

    private protected void ComputeLocal(byte value)
    {
        foreach (var work in _mailbox.ToArray())
            Compute(work, value);
        _mailbox.Clear();
    }

    private protected static bool Compute(ComputeRows work, byte value, ComputeStatus status = ComputeStatus.Done)
    {
        if (!work.TryClaim())
            return false;
        work.Buffer.OutputOf(work.Group).Fill(value);
        work.Complete(status, status == ComputeStatus.Done ? null : "kernel");
        return true;
    }

    private protected LinkReply Reply(
        FakeLink link, int[] groups, byte value, long? step = null, int? layer = null, long? attempt = null, ComputeStatus status = ComputeStatus.Done)
    {
        var limits = new LinkLimits(TestModel.Bf16.Manifest, 8, 1);
        var reply = new LinkReply(limits, _ => { })
        {
            Link = link,
            Header = new LinkHeader(LinkFrameKind.Reply, 0, step ?? 9, layer ?? 1, attempt ?? link.LastAttempt, 3, groups.Length),
        };
        groups.CopyTo(reply.GroupIds, 0);
        Array.Fill(reply.Status, status, 0, groups.Length);
        reply.Outputs.AsSpan().Fill(value);
        return reply;
    }

    private protected void Send(RouteTable routes, params ILinkPort[] links)
    {
        _exchange.Use(routes, links);
        _exchange.Send(_now);
    }

    private protected bool OnRemote(LinkReply reply) => _exchange.OnRemote(reply, _now);

    /// <summary>[group] the first byte of its output.</summary>
    private protected byte[] Outputs => [.. Enumerable.Range(0, 8).Select(g => _buffer.OutputOf(g)[0])];

    private protected sealed class FakeLink(string nodeId) : ILinkPort
    {
        public string NodeId => nodeId;
        public bool IsUp => true;
        public bool IsFull { get; set; }
        public List<int[]> Sent { get; } = [];

        /// <summary>Unanswered frames as (groups, attempt, step, layer).</summary>
        public List<(int[] Groups, long Attempt, long Step, int Layer)> Frames { get; } = [];
        public long LastAttempt { get; private set; }

        public bool TrySend(LayerDispatch dispatch, ReadOnlySpan<int> groups, long attempt)
        {
            if (IsFull)
                return false;
            Sent.Add(groups.ToArray());
            LastAttempt = attempt;
            Frames.Add((groups.ToArray(), attempt, dispatch.StepId, dispatch.Layer));
            return true;
        }
    }

    private sealed class FakeDevice(List<ComputeRows> mailbox) : MinimalActorRef
    {
        public override ActorPath Path { get; } = new RootActorPath(Address.AllSystems) / "device";
        public override IActorRefProvider Provider => throw new NotSupportedException();

        protected override void TellInternal(object message, IActorRef sender) => mailbox.Add((ComputeRows)message);
    }
}
