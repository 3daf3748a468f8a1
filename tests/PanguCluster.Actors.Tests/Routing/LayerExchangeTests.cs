using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Actors.Tests.Routing;

/// <summary>Groups 0 and 1 are on node A, 2 and 3 on B, 4 to 7 here.</summary>
public sealed class LayerExchangeTests : IComputeOwner
{
    private readonly LayerDispatch _buffer = new(TestModel.Bf16.Manifest, 8) { Rows = 3, StepId = 9, Layer = 1 };
    private readonly LocalDevices _devices = new(8);
    private readonly FakeLink _a = new("a");
    private readonly FakeLink _b = new("b");
    private readonly LayerExchange _exchange;
    private readonly List<ComputeRows> _mailbox = [];
    private readonly RouteTable _routes;

    public LayerExchangeTests()
    {
        _exchange = new LayerExchange(_devices, this);
        _routes = Routes(["a", "a", "b", "b", "me", "me", "me", "me"]);
        for (int g = 4; g < 8; g++)
            _devices.Add(g, new FakeDevice(_mailbox));
    }

    void IComputeOwner.Completed(ComputeRows work) => _exchange.OnLocal(work);

    private static RouteTable Routes(string?[] owners) => new(
        1, [.. owners.Select(o => o is null ? GroupOwners.None : new GroupOwners([new GroupRoute(o, 1, o == "me")]))],
        [.. owners.Where(o => o is not null and not "me").Distinct().Select(o => new PeerNode(o!, default))]);

    private void ComputeLocal(byte value)
    {
        foreach (var work in _mailbox.ToArray())
            Compute(work, value);
        _mailbox.Clear();
    }

    private static bool Compute(ComputeRows work, byte value, ComputeStatus status = ComputeStatus.Done)
    {
        if (!work.TryClaim())
            return false;
        work.Buffer.OutputOf(work.Group).Fill(value);
        work.Complete(status, status == ComputeStatus.Done ? null : "kernel");
        return true;
    }

    private LinkReply Reply(FakeLink link, int[] groups, byte value, long? step = null, int? layer = null, long? attempt = null, ComputeStatus status = ComputeStatus.Done)
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

    private void Begin()
    {
        _exchange.Begin(_buffer);
        _exchange.Send(_routes, [_a, _b]);
    }

    [Fact]
    public void Exchange_should_send_one_frame_per_node_and_complete_with_everybody_s_bytes()
    {
        Begin();
        Assert.Equal([0, 1], Assert.Single(_a.Sent));
        Assert.Equal([2, 3], Assert.Single(_b.Sent));
        Assert.Equal([4, 5, 6, 7], _mailbox.Select(w => w.Group));

        ComputeLocal(5);
        _exchange.OnRemote(Reply(_a, [0, 1], 1));
        Assert.False(_exchange.IsComplete);
        _exchange.OnRemote(Reply(_b, [2, 3], 2));

        Assert.True(_exchange.IsComplete);
        Assert.Equal([1, 1, 2, 2, 5, 5, 5, 5], Enumerable.Range(0, 8).Select(g => _buffer.OutputOf(g)[^1]));
        Assert.All(_exchange.Answered.ToArray(), rows => Assert.Equal(3, rows));
        Assert.Equal(0, _exchange.Dropped);
    }

    [Fact]
    public void Exchange_should_drop_replies_of_another_step_layer_or_attempt()
    {
        Begin();
        Assert.False(_exchange.OnRemote(Reply(_a, [0, 1], 1, step: 8)));
        Assert.False(_exchange.OnRemote(Reply(_a, [0, 1], 1, layer: 0)));
        Assert.False(_exchange.OnRemote(Reply(_a, [0, 1], 1, attempt: _a.LastAttempt + 1)));
        Assert.Equal(0, _buffer.OutputOf(0)[0]);
        Assert.Equal(3, _exchange.Dropped);

        ComputeLocal(5);
        _exchange.OnRemote(Reply(_a, [0, 1], 1));
        _exchange.OnRemote(Reply(_b, [2, 3], 2));
        _exchange.End();
        long old = _a.LastAttempt;
        _exchange.Begin(_buffer); // the same step and layer once more, as after an abort with an engine that numbers differently
        _exchange.Send(_routes, [_a, _b]);
        Assert.False(_exchange.OnRemote(Reply(_a, [0, 1], 7, attempt: old)));
        Assert.NotEqual(7, _buffer.OutputOf(0)[0]);
    }

    [Fact]
    public void Exchange_should_take_the_first_answer_when_it_comes_twice()
    {
        Begin();
        _exchange.OnRemote(Reply(_a, [0, 1], 1));
        Assert.False(_exchange.OnRemote(Reply(_a, [0, 1], 9)));
        Assert.Equal(1, _buffer.OutputOf(0)[0]);
    }

    [Fact]
    public void Exchange_should_resend_only_what_is_open_when_a_link_dies()
    {
        Begin();
        _exchange.OnRemote(Reply(_b, [2, 3], 2));
        _exchange.OnLinkDown(_a);
        _exchange.Send(_routes with { Groups = _routes.Groups.SetItem(0, GroupOwners.None) }, [_b]);
        Assert.Single(_b.Sent);

        _exchange.Send(Routes(["b", "me", "b", "b", "me", "me", "me", "me"]), [_b]);
        Assert.Equal([0], _b.Sent[^1]);
        _devices.Add(1, new FakeDevice(_mailbox));
        _exchange.Send(Routes(["b", "me", "b", "b", "me", "me", "me", "me"]), [_b]);
        ComputeLocal(5);
        _exchange.OnRemote(Reply(_b, [0], 3));

        Assert.True(_exchange.IsComplete);
        Assert.Equal([3, 5, 2, 2, 5, 5, 5, 5], Enumerable.Range(0, 8).Select(g => _buffer.OutputOf(g)[0]));
        Assert.Equal(2, _exchange.Resent);
    }

    [Fact]
    public void Exchange_should_take_the_answer_of_a_first_attempt_when_it_beats_the_second()
    {
        Begin();
        long first = _a.LastAttempt;
        _exchange.OnLinkDown(_a);
        _exchange.Send(Routes(["b", "b", "b", "b", "me", "me", "me", "me"]), [_b]);
        Assert.True(_exchange.OnRemote(Reply(_a, [0, 1], 1, attempt: first)));
        Assert.False(_exchange.OnRemote(Reply(_b, [0, 1], 8)));
        Assert.Equal(1, _buffer.OutputOf(0)[0]);
    }

    [Fact]
    public void Late_device_should_never_touch_the_buffer_when_its_work_was_taken_back()
    {
        Begin();
        var late = _mailbox[0];
        _devices.Remove(late.Group, _devices[late.Group]!);
        _exchange.RevokeOrphans();
        _exchange.Send(Routes(["a", "a", "b", "b", "b", "me", "me", "me"]), [_a, _b]);
        Assert.Equal([4], _b.Sent[^1]);
        _exchange.OnRemote(Reply(_b, [4], 6));

        Assert.False(Compute(late, 99));
        Assert.Equal(6, _buffer.OutputOf(4)[0]);
    }

    [Fact]
    public void Abandon_should_wait_for_a_device_that_is_computing()
    {
        Begin();
        var computing = _mailbox[1];
        Assert.True(computing.TryClaim());
        Assert.False(_exchange.TryAbandon());
        Assert.All(_mailbox.Where(w => w != computing), w => Assert.False(w.TryClaim()));

        computing.Complete(ComputeStatus.Done);

        Assert.True(_exchange.TryAbandon());
        Assert.False(_exchange.IsComplete);
        Assert.False(_exchange.OnRemote(Reply(_a, [0, 1], 1)));
    }

    [Fact]
    public void Exchange_should_count_kernel_failures_and_offer_the_group_again()
    {
        Begin();
        Compute(_mailbox[0], 0, ComputeStatus.Failed);
        _mailbox.Clear();
        Assert.Equal(1, _exchange.KernelFailures);
        Assert.Equal("kernel", _exchange.KernelError);
        _exchange.Send(_routes, [_a, _b]);
        Assert.Equal([4], _mailbox.Select(w => w.Group));
        _exchange.OnRemote(Reply(_b, [2, 3], 0, status: ComputeStatus.NotReady));
        _exchange.Send(_routes, [_a, _b]);
        Assert.Equal([2, 3], _b.Sent[^1]);
    }

    private sealed class FakeLink(string nodeId) : ILinkPort
    {
        public string NodeId => nodeId;
        public bool IsUp => true;
        public List<int[]> Sent { get; } = [];
        public long LastAttempt { get; private set; }

        public bool TrySend(LayerDispatch dispatch, ReadOnlySpan<int> groups, long attempt)
        {
            Sent.Add(groups.ToArray());
            LastAttempt = attempt;
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
