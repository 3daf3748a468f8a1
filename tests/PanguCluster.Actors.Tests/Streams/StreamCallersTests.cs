using Akka.Actor;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using Xunit;
using static PanguCluster.Actors.Decoding.DecoderProtocol;

namespace PanguCluster.Actors.Tests.Streams;

public sealed class StreamCallersTests : StreamHarness
{
    [Fact]
    public async Task Callers_should_read_one_stream_each_at_its_own_place_when_they_ask_for_the_same()
    {
        Supervise(sessions: false);
        var first = Gateway.Start(Request());
        var submit = await Accept();
        Bring(submit, 0, 10, 11);
        Assert.IsType<StreamEvent.Accepted>(await Next(first));
        var second = Gateway.Start(Request());
        var third = Gateway.Resume(new ResumeRequest("s", [3], "me", null));
        var other = Gateway.Start(Request() with { Prompt = [9] });
        var stranger = Gateway.Resume(new ResumeRequest("s", [], "somebody", null));
        Assert.Equal(FailureKind.Conflict, Assert.IsType<StreamEvent.Failed>(Assert.Single(await All(other))).Kind);
        Assert.Equal(FailureKind.NotFound, Assert.IsType<StreamEvent.Failed>(Assert.Single(await All(stranger))).Kind);
        first.Cancel(); // the others stay
        Assert.DoesNotContain(await All(first), e => e is StreamEvent.Finished or StreamEvent.Failed);
        Bring(submit, 2, 12, 13);
        Same(await All(second), 10, 11, 12, 13);
        Same(await All(third), 13);
        Assert.Equal((1, 2), (Counters.Joins, Counters.Resumes));
    }

    [Fact]
    public async Task Choices_should_run_at_one_decoder_and_end_each_for_itself()
    {
        Supervise(sessions: false);
        var call = Gateway.Start(Request(2) with { Choices = 3 });
        SubmitSequence[] submits = [await Accept(), await Accept(), await Accept()];
        Assert.Equal([0, 1, 2], submits.Select(s => s.Request.Choice));
        Bring(submits[1], 0, 20, 21);
        Bring(submits[0], 0, 10);
        submits[2].Stream.Tell(new SequenceEnded(submits[2].Id, FinishReason.Stop, 2, 0, null));
        Bring(submits[0], 1, 11);
        var events = await All(call);
        Assert.Equal([10, 11], Ids(events));
        Assert.Equal([20, 21], Ids(events, 1));
        Assert.Empty(Ids(events, 2));
        Assert.Equal(
            [(1, FinishReason.Length), (2, FinishReason.Stop), (0, FinishReason.Length)],
            events.OfType<StreamEvent.Finished>().Select(f => (f.Choice, f.Reason)));
    }

    [Fact]
    public async Task Choices_should_go_all_or_none_when_the_queue_has_no_place_for_one()
    {
        Supervise(sessions: false);
        var call = Gateway.Start(Request(2) with { Choices = 2 });
        var taken = await Accept();
        var refused = await Decoder.FishForMessageAsync<SubmitSequence>(_ => true);
        refused.Stream.Tell(new SubmitReply(refused.Id, SubmitOutcome.QueueFull));
        Assert.Equal(FailureKind.Overloaded, Assert.IsType<StreamEvent.Failed>(Assert.Single(await All(call))).Kind);
        await Decoder.FishForMessageAsync<CancelSequence>(c => c.Id == taken.Id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stream_should_wait_for_its_caller_and_then_be_cancelled_unless_it_is_detached(bool detached)
    {
        Supervise(sessions: false, Options with { DetachTtl = TimeSpan.FromMilliseconds(50) });
        var call = Gateway.Start(Request() with { Detached = detached });
        var submit = await Accept();
        call.Leave();
        if (detached)
        {
            await Nodes.Eventually.Holds(() => Counters.Detached == 1, "detached");
            Bring(submit, 0, 10, 11, 12, 13);
        }
        await Decoder.FishForMessageAsync<CancelSequence>(c => c.Id == submit.Id);
        await Nodes.Eventually.Holds(() => Counters is { Active: 0, Detached: 0 }, "gone");
    }

    [Fact]
    public async Task Stream_should_go_on_when_its_caller_comes_back_in_time()
    {
        Supervise(sessions: false);
        var call = Gateway.Start(Request());
        var submit = await Accept();
        call.Leave();
        await Nodes.Eventually.Holds(() => Counters.Detached == 1, "detached");
        var again = Gateway.Resume(new ResumeRequest("s", [0], "me", null));
        await Nodes.Eventually.Holds(() => Counters.Detached == 0, "back");
        Bring(submit, 0, 10, 11, 12, 13);
        Same(await All(again), 10, 11, 12, 13);
    }

    [Theory]
    [InlineData("me", true)]
    [InlineData("somebody", false)]
    public async Task Session_should_be_cancelled_for_all_when_its_owner_asks(string owner, bool found)
    {
        Supervise(sessions: false);
        var call = Gateway.Start(Request());
        var submit = await Accept();
        Bring(submit, 0, 10);
        await Next(call);
        await Next(call);
        Assert.Equal(found, await Gateway.CancelAsync("s", owner, default));
        if (!found)
            Bring(submit, 1, 11, 12, 13);
        var last = Assert.IsType<StreamEvent.Finished>((await All(call))[^1]);
        Assert.Equal(found ? FinishReason.Cancelled : FinishReason.Length, last.Reason);
        Assert.False(await Gateway.CancelAsync("unknown", owner, default));
    }

    [Fact]
    public async Task Caller_should_get_deadline_exceeded_alone_when_another_has_none()
    {
        Supervise(sessions: false);
        var patient = Gateway.Start(Request());
        var submit = await Accept();
        var hasty = Gateway.Resume(new ResumeRequest("s", [], "me", TimeProvider.System.GetUtcNow() + TimeSpan.FromMilliseconds(30)));
        Assert.Equal(FailureKind.DeadlineExceeded, Assert.IsType<StreamEvent.Failed>((await All(hasty))[^1]).Kind);
        Bring(submit, 0, 10, 11, 12, 13);
        Same(await All(patient), 10, 11, 12, 13);
    }

    [Fact]
    public async Task Prompt_should_come_back_first_when_it_is_echoed()
    {
        Supervise(sessions: false);
        var call = Gateway.Start(Request(1) with { Echo = true });
        var submit = await Accept();
        Assert.Equal(-1, submit.Request.PromptLogprobs);
        Bring(submit, 0, 10);
        var events = await All(call);
        Assert.Equal([1, 2], Assert.IsType<StreamEvent.Prompt>(events[1]).Tokens.Select(t => t.TokenId));
        Assert.Equal([10], Ids(events));
    }

    [Fact]
    public async Task Prompt_should_be_scored_once_and_tokens_wait_for_it_when_log_probabilities_are_asked_for()
    {
        Supervise(sessions: false);
        var request = Request(2) with { Echo = true, Choices = 2, Sampling = new SamplingParameters { Seed = 5, Logprobs = 1 } };
        var call = Gateway.Start(request);
        SubmitSequence first = await Accept(), second = await Accept();
        Assert.Equal((1, -1), (first.Request.PromptLogprobs, second.Request.PromptLogprobs));
        Bring(second, 0, 20, 21);
        Assert.IsType<StreamEvent.Accepted>(await Next(call));
        first.Stream.Tell(new SequencePrompt(first.Id, [new ScoredToken(0, 1, float.NaN, null)]));
        Assert.Single(Assert.IsType<StreamEvent.Prompt>(await Next(call)).Tokens);
        // Given up before the prompt is complete: the next one scores it again, and only what is new is shown.
        first.Stream.Tell(new SequenceEnded(first.Id, FinishReason.Error, 0, 0, "gone", FailureKind.Unavailable));
        var again = await Accept();
        Assert.Equal(1, again.Request.PromptLogprobs);
        again.Stream.Tell(new SequencePrompt(again.Id, [new ScoredToken(0, 1, float.NaN, null), new ScoredToken(1, 2, -0.5f, null)]));
        var rest = Assert.Single(Assert.IsType<StreamEvent.Prompt>(await Next(call)).Tokens);
        Assert.Equal((1, 2, -0.5f), (rest.Index, rest.TokenId, rest.Logprob));
        Bring(again, 0, 10, 11);
        var events = await All(call);
        Assert.Equal([20, 21], Ids(events, 1));
        Assert.Equal([10, 11], Ids(events));
    }

    [Fact]
    public async Task Prompt_should_be_scored_when_only_a_later_caller_wants_it()
    {
        Supervise(sessions: true);
        var request = Request() with { Echo = true, Sampling = new SamplingParameters { Seed = 5, Logprobs = 0 } };
        var without = Gateway.Resume(new ResumeRequest("s", [1], "me", null));
        var attach = await Region.ExpectMsgAsync<PanguCluster.Actors.Sessions.SessionProtocol.Attach>();
        attach.Stream.Tell(Opened(request), Region.Ref);
        var submit = await Accept();
        Assert.Equal(-1, submit.Request.PromptLogprobs);
        var with = Gateway.Resume(new ResumeRequest("s", [0], "me", null));
        var scoring = await Accept();
        Assert.Equal((0, 1), (scoring.Request.PromptLogprobs, scoring.Request.MaxTokens));
        Bring(submit, 0, 10, 11, 12, 13);
        Same(await All(without), 11, 12, 13);
        scoring.Stream.Tell(new SequencePrompt(scoring.Id, [new ScoredToken(0, 1, float.NaN, null), new ScoredToken(1, 2, -0.5f, null)]));
        var events = await All(with);
        Assert.Equal(2, Assert.IsType<StreamEvent.Prompt>(events[1]).Tokens.Count);
        Same(events, 10, 11, 12, 13);
    }

    [Fact]
    public async Task Accepted_stream_should_wait_its_turn_when_the_decoders_are_full()
    {
        Supervise(sessions: false, Options with { Retry = TimeSpan.FromMilliseconds(5), MaxSubmissions = 3 });
        var call = Gateway.Start(Request());
        var submit = await Accept();
        Bring(submit, 0, 10);
        submit.Stream.Tell(new SequenceEnded(submit.Id, FinishReason.Error, 0, 0, "drained", FailureKind.Unavailable));
        for (int i = 0; i < 20; i++)
        {
            var refused = await Decoder.FishForMessageAsync<SubmitSequence>(_ => true);
            refused.Stream.Tell(new SubmitReply(refused.Id, SubmitOutcome.QueueFull));
        }
        Bring(await Accept(), 1, 11, 12, 13);
        Same(await All(call), 10, 11, 12, 13);
    }
}
