using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Routing;
using Xunit;

namespace PanguCluster.Actors.Tests.Routing;

/// <summary>Groups 0 and 1 are on node A, 2 and 3 on B, 4 to 7 here.</summary>
public sealed class LayerExchangeTests : ExchangeHarness
{
    private readonly RouteTable _routes = Routes("a", "a", "b", "b", "me", "me", "me", "me");

    private void Begin()
    {
        _exchange.Begin(_buffer);
        Send(_routes, [_a, _b]);
    }

    [Fact]
    public void Exchange_should_send_one_frame_per_node_and_complete_with_everybody_s_bytes()
    {
        Begin();
        Assert.Equal([0, 1], Assert.Single(_a.Sent));
        Assert.Equal([2, 3], Assert.Single(_b.Sent));
        Assert.Equal([4, 5, 6, 7], _mailbox.Select(w => w.Group));

        ComputeLocal(5);
        OnRemote(Reply(_a, [0, 1], 1));
        Assert.False(_exchange.IsComplete);
        OnRemote(Reply(_b, [2, 3], 2));

        Assert.True(_exchange.IsComplete);
        Assert.Equal([1, 1, 2, 2, 5, 5, 5, 5], Enumerable.Range(0, 8).Select(g => _buffer.OutputOf(g)[^1]));
        Assert.All(_exchange.Answered.ToArray(), rows => Assert.Equal(3, rows));
        Assert.Equal(0, _faults.LateAnswers);
    }

    [Fact]
    public void Exchange_should_drop_replies_of_another_step_layer_or_attempt()
    {
        Begin();
        Assert.False(OnRemote(Reply(_a, [0, 1], 1, step: 8)));
        Assert.False(OnRemote(Reply(_a, [0, 1], 1, layer: 0)));
        Assert.False(OnRemote(Reply(_a, [0, 1], 1, attempt: _b.LastAttempt + 1)));
        Assert.Equal(0, _buffer.OutputOf(0)[0]);
        Assert.Equal(3, _faults.LateAnswers);

        ComputeLocal(5);
        OnRemote(Reply(_a, [0, 1], 1));
        OnRemote(Reply(_b, [2, 3], 2));
        _exchange.End();
        long old = _a.LastAttempt;
        _exchange.Begin(_buffer); // the same step and layer once more, as after an abort with an engine that numbers differently
        Send(_routes, [_a, _b]);
        Assert.False(OnRemote(Reply(_a, [0, 1], 7, attempt: old)));
        Assert.NotEqual(7, _buffer.OutputOf(0)[0]);
    }

    [Fact]
    public void Exchange_should_take_the_first_answer_when_it_comes_twice()
    {
        Begin();
        OnRemote(Reply(_a, [0, 1], 1));
        Assert.False(OnRemote(Reply(_a, [0, 1], 9)));
        Assert.Equal(1, _buffer.OutputOf(0)[0]);
    }

    [Fact]
    public void Exchange_should_resend_only_what_is_open_when_a_link_dies()
    {
        Begin();
        OnRemote(Reply(_b, [2, 3], 2));
                Send(_routes with { Groups = _routes.Groups.SetItem(0, GroupOwners.None) }, [_b]);
        Assert.Single(_b.Sent);

        Send(Routes(["b", "me", "b", "b", "me", "me", "me", "me"]), [_b]);
        Assert.Equal([0], _b.Sent[^1]);
        AddDevice(1);
        Send(Routes(["b", "me", "b", "b", "me", "me", "me", "me"]), [_b]);
        ComputeLocal(5);
        OnRemote(Reply(_b, [0], 3));

        Assert.True(_exchange.IsComplete);
        Assert.Equal([3, 5, 2, 2, 5, 5, 5, 5], Enumerable.Range(0, 8).Select(g => _buffer.OutputOf(g)[0]));
        Assert.Equal(2, _faults.Resent);
    }

    [Fact]
    public void Exchange_should_take_the_answer_of_a_first_attempt_when_it_beats_the_second()
    {
        Begin();
        long first = _a.LastAttempt;
                Send(Routes("b", "b", "b", "b", "me", "me", "me", "me"), [_b]);
        Assert.True(OnRemote(Reply(_a, [0, 1], 1, attempt: first)));
        Assert.False(OnRemote(Reply(_b, [0, 1], 8)));
        Assert.Equal(1, _buffer.OutputOf(0)[0]);
    }

    [Fact]
    public void Late_device_should_never_touch_the_buffer_when_its_work_was_taken_back()
    {
        Begin();
        var late = _mailbox[0];
        _devices.Remove(late.Group, _devices[late.Group]!);
        _exchange.RevokeOrphans();
        Send(Routes(["a", "a", "b", "b", "b", "me", "me", "me"]), [_a, _b]);
        Assert.Equal([4], _b.Sent[^1]);
        OnRemote(Reply(_b, [4], 6));

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
        Assert.False(OnRemote(Reply(_a, [0, 1], 1)));
    }

    [Fact]
    public void Exchange_should_count_kernel_failures_and_offer_the_group_again()
    {
        Begin();
        Compute(_mailbox[0], 0, ComputeStatus.Failed);
        _mailbox.Clear();
        Assert.Equal(1, _exchange.KernelFailures);
        Assert.Equal("kernel", _exchange.KernelError);
        _exchange.Forgive();
        Send(_routes, [_a, _b]);
        Assert.Equal([4], _mailbox.Select(w => w.Group));
        OnRemote(Reply(_b, [2, 3], 0, status: ComputeStatus.NotReady));
        _exchange.Forgive();
        Send(_routes, [_a, _b]);
        Assert.Equal([2, 3], _b.Sent[^1]);
    }
}
