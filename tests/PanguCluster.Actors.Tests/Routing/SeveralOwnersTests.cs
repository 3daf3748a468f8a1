using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Routing;
using Xunit;

namespace PanguCluster.Actors.Tests.Routing;

/// <summary>Groups 0 to 3 are on A, then B; 4 and 5 here, then on B; 6 and 7 on A, then here.</summary>
public sealed class SeveralOwnersTests : ExchangeHarness
{
    private static readonly string[] Owners = ["a,b", "a,b", "a,b", "a,b", "me,b", "me,b", "a,me", "a,me"];
    private readonly RouteTable _routes = Routes(Owners);
    private readonly long _late = (long)HedgeOptions.Default.Unknown.TotalMicroseconds;

    private void Begin()
    {
        _exchange.Begin(_buffer);
        Send(_routes, _a, _b);
    }

    private void Late()
    {
        _now += _late;
        _exchange.Hedge(_now);
        _exchange.Send(_now);
    }

    [Fact]
    public void Exchange_should_ask_the_preferred_owner_alone_when_all_is_well()
    {
        Begin();
        Assert.Equal([0, 1, 2, 3, 6, 7], Assert.Single(_a.Sent));
        Assert.Empty(_b.Sent);
        Assert.Equal([4, 5], _mailbox.Select(w => w.Group));
        Assert.False(_exchange.IsDisturbed);
    }

    [Fact]
    public void Exchange_should_ask_the_next_owners_at_once_when_a_link_goes_down()
    {
        Begin();
        Send(_routes, _b);

        Assert.Equal([0, 1, 2, 3], Assert.Single(_b.Sent));
        Assert.Equal([4, 5, 6, 7], _mailbox.Select(w => w.Group));
        ComputeLocal(5);
        OnRemote(Reply(_b, [0, 1, 2, 3], 2));
        Assert.True(_exchange.IsComplete);
        var stalled = _exchange.Stalled(TimeSpan.Zero);
        Assert.Equal(("a", StallCause.LinkDown), (stalled.NodeId, stalled.Cause));
        Assert.Equal([0, 1, 2, 3, 6, 7], stalled.Groups);
        Assert.Equal(6, _faults.Resent);
        Assert.Equal(0, _faults.Hedges);
    }

    [Fact]
    public void Exchange_should_skip_an_owner_without_a_link_when_a_layer_begins()
    {
        _exchange.Begin(_buffer);
        Send(_routes, _b);
        Assert.Equal([0, 1, 2, 3], Assert.Single(_b.Sent));
        Assert.False(_exchange.IsDisturbed);
    }

    [Fact]
    public void Exchange_should_ask_the_next_owner_when_one_is_not_ready_and_the_first_again_only_when_forgiven()
    {
        Begin();
        OnRemote(Reply(_a, [0, 1, 2, 3, 6, 7], 0, status: ComputeStatus.NotReady));
        Send(_routes, _a, _b);
        Assert.Equal([0, 1, 2, 3], Assert.Single(_b.Sent));
        OnRemote(Reply(_b, [0, 1, 2, 3], 0, status: ComputeStatus.NotReady));
        Send(_routes, _a, _b);
        Assert.Single(_a.Sent);
        Assert.Single(_b.Sent);

        _exchange.Forgive();
        Send(_routes, _a, _b);
        Assert.Equal([0, 1, 2, 3], _a.Sent[^1]);
    }

    [Fact]
    public void Exchange_should_ask_the_next_owner_when_a_link_takes_no_more()
    {
        _a.IsFull = true;
        Begin();
        Assert.Equal([0, 1, 2, 3], Assert.Single(_b.Sent));
        Assert.Equal([4, 5, 6, 7], _mailbox.Select(w => w.Group));
    }

    [Fact]
    public void Exchange_should_hedge_what_is_late_once_and_take_whichever_answers_first()
    {
        Begin();
        ComputeLocal(5);
        Late();
        Assert.Equal([0, 1, 2, 3], Assert.Single(_b.Sent));
        Assert.Equal([6, 7], _mailbox.Select(w => w.Group));
        Late();
        Assert.Single(_b.Sent);

        ComputeLocal(6);
        OnRemote(Reply(_b, [0, 1, 2, 3], 2));
        Assert.True(_exchange.IsComplete);
        Assert.False(OnRemote(Reply(_a, [0, 1, 2, 3, 6, 7], 9)));
        Assert.Equal([2, 2, 2, 2, 5, 5, 6, 6], Outputs);
        Assert.Equal((6, 6, 0, 1), (_faults.Hedges, _faults.HedgeWins, _faults.Resent, _faults.LateAnswers));
        Assert.Equal(("a", StallCause.Late), (_exchange.Stalled(default).NodeId, _exchange.Stalled(default).Cause));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Refusal_of_one_owner_should_not_end_the_wait_for_the_other(bool lateOneRefuses)
    {
        Begin();
        ComputeLocal(5);
        Late();
        ComputeLocal(5);
        var (refusing, answering) = lateOneRefuses ? (_a, _b) : (_b, _a);
        OnRemote(Reply(refusing, [0, 1, 2, 3], 0, status: ComputeStatus.NotReady));
        Send(_routes, _a, _b);
        Assert.Single(_a.Sent);
        Assert.Single(_b.Sent);
        OnRemote(Reply(answering, [0, 1, 2, 3], 3));
        Assert.True(_exchange.IsComplete);
        Assert.Equal([3, 3, 3, 3, 5, 5, 5, 5], Outputs);
    }

    [Fact]
    public void Loss_of_the_late_owner_should_not_send_a_third_time_when_the_second_is_on_its_way()
    {
        Begin();
        ComputeLocal(5);
        Late();
        Send(_routes, _b);
        Assert.Single(_b.Sent);
        ComputeLocal(5);
        OnRemote(Reply(_b, [0, 1, 2, 3], 2));
        Assert.True(_exchange.IsComplete);
    }

    [Fact]
    public void Owner_that_owes_an_answer_should_be_passed_over_until_it_has_given_it()
    {
        Begin();
        ComputeLocal(5);
        Late();
        long owed = _a.LastAttempt;
        ComputeLocal(5);
        OnRemote(Reply(_b, [0, 1, 2, 3], 2));
        _exchange.End();

        Begin();
        Assert.Single(_a.Sent);
        Assert.Equal([0, 1, 2, 3], _b.Sent[^1]);
        Assert.False(_exchange.IsDisturbed);
        ComputeLocal(5);
        OnRemote(Reply(_b, [0, 1, 2, 3], 2));
        _exchange.End();
        OnRemote(Reply(_a, [0, 1, 2, 3, 6, 7], 9, attempt: owed));

        Begin();
        Assert.Equal(2, _a.Sent.Count);
    }

    [Fact]
    public void Owner_that_owes_an_answer_should_be_asked_all_the_same_when_it_is_the_only_one()
    {
        Begin();
        ComputeLocal(5);
        Late();
        ComputeLocal(5);
        OnRemote(Reply(_b, [0, 1, 2, 3], 2));
        _exchange.End();
        _exchange.Begin(_buffer);
        Send(Routes("a", "a,b", "b", "b", "me", "me", "me", "me"), _a, _b);
        Assert.Equal([0], _a.Sent[^1]);
        Assert.Equal([1, 2, 3], _b.Sent[^1]);
    }

    [Fact]
    public void Late_device_should_be_hedged_only_when_it_has_not_begun()
    {
        Begin();
        Assert.True(_mailbox[0].TryClaim());
        Late();
        // 0 to 3 are A's; of the two that are late here, 4 is being computed.
        Assert.Equal([0, 1, 2, 3, 5], Assert.Single(_b.Sent));
        Assert.False(_mailbox[1].TryClaim());
        OnRemote(Reply(_b, [0, 1, 2, 3, 5], 2));
        _mailbox[0].Complete(ComputeStatus.Done);
        Compute(_mailbox[2], 6);
        Compute(_mailbox[3], 6);
        Assert.True(_exchange.IsComplete);
    }

    [Fact]
    public void Answer_of_a_late_peer_should_not_be_written_while_a_device_computes()
    {
        Begin();
        ComputeLocal(5);
        Late();
        var computing = _mailbox.Single(w => w.Group == 6);
        Assert.True(computing.TryClaim());
        OnRemote(Reply(_a, [0, 1, 2, 3, 6, 7], 1));
        Assert.Equal(0, _buffer.OutputOf(6)[0]);
        Assert.Equal(1, _buffer.OutputOf(7)[0]);
        Assert.False(_exchange.IsComplete);

        computing.Buffer.OutputOf(6).Fill(6);
        computing.Complete(ComputeStatus.Done);
        Assert.True(_exchange.IsComplete);
        Assert.False(_mailbox.Single(w => w.Group == 7).TryClaim());
        Assert.Equal([1, 1, 1, 1, 5, 5, 6, 1], Outputs);
    }

    [Fact]
    public void Kernel_that_fails_should_be_followed_by_the_next_owner()
    {
        Begin();
        Compute(_mailbox[0], 0, ComputeStatus.Failed);
        Send(_routes, _a, _b);
        Assert.Equal([4], Assert.Single(_b.Sent));
        Assert.Equal(1, _exchange.KernelFailures);
    }
}
