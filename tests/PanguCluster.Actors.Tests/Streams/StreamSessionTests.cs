using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using Xunit;
using static PanguCluster.Actors.Decoding.DecoderProtocol;

namespace PanguCluster.Actors.Tests.Streams;

public sealed class StreamSessionTests : StreamHarness
{
    [Fact]
    public async Task Stream_should_show_nothing_before_its_session_is_on_disk_and_record_what_it_shows()
    {
        Supervise(sessions: true);
        var call = Gateway.Start(Request());
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        var submit = await Accept();
        Bring(submit, 0, 10, 11);
        await Region.FishForMessageAsync<SessionProtocol.Open>(_ => true); // it asks again
        Assert.False(call.Events.TryRead(out _));

        open.Stream.Tell(Opened(Request()), Region.Ref);
        Assert.IsType<StreamEvent.Accepted>(await Next(call));
        var record = await Region.FishForMessageAsync<SessionProtocol.Record>(_ => true);
        Assert.Equal((0, 0, 2, 1), (record.Choice, record.FirstIndex, record.Tokens.Count, record.Attempt));
        var again = await Region.FishForMessageAsync<SessionProtocol.Record>(r => r.Tokens.Count > 0); // not acknowledged
        Assert.Equal((0, 2), (again.FirstIndex, again.Tokens.Count));
        open.Stream.Tell(new SessionProtocol.Recorded("s", 0, 2), Region.Ref);

        Bring(submit, 2, 12, 13);
        Same(await All(call), 10, 11, 12, 13);
        var end = await Region.FishForMessageAsync<SessionProtocol.End>(_ => true);
        Assert.Equal(FinishReason.Length, end.Outcome.Reason);
        Assert.Equal(4, end.FirstIndex + end.Tokens.Count);
        await Region.FishForMessageAsync<SessionProtocol.End>(_ => true); // not acknowledged
        Assert.Equal(1, Counters.Active);
        open.Stream.Tell(new SessionProtocol.Ended("s", 0), Region.Ref);
        await Nodes.Eventually.Holds(() => Counters.Active == 0, "the stream goes when its end is on disk");
    }

    [Fact]
    public async Task Stream_should_send_again_from_where_the_record_is_when_tokens_before_the_end_are_missing()
    {
        Supervise(sessions: true);
        var call = Gateway.Start(Request());
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        open.Stream.Tell(Opened(Request()), Region.Ref);
        var submit = await Accept();
        Bring(submit, 0, 10, 11);
        await Region.FishForMessageAsync<SessionProtocol.Record>(r => r.Tokens.Count == 2);
        Bring(submit, 2, 12, 13);
        await Region.FishForMessageAsync<SessionProtocol.End>(e => e.FirstIndex == 2);
        open.Stream.Tell(new SessionProtocol.Recorded("s", 0, 0), Region.Ref);
        await Region.FishForMessageAsync<SessionProtocol.End>(e => e.FirstIndex == 0 && e.Tokens.Count == 4);
        Same(await All(call), 10, 11, 12, 13);
    }

    [Theory]
    [InlineData(FailureKind.Conflict)]
    [InlineData(FailureKind.Unavailable)]
    public async Task Stream_should_fail_as_its_session_says_when_it_is_refused(FailureKind kind)
    {
        Supervise(sessions: true);
        var call = Gateway.Start(Request());
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        var submit = await Accept();
        Bring(submit, 0, 10);
        open.Stream.Tell(new SessionProtocol.OpenRefused("s", kind, "no"), Region.Ref);
        Assert.Equal(kind, Assert.IsType<StreamEvent.Failed>(Assert.Single(await All(call))).Kind);
        await Decoder.FishForMessageAsync<CancelSequence>(c => c.Id == submit.Id);
        await Nodes.Eventually.Holds(() => Counters.Active == 0, "the stream has gone");
    }

    [Fact]
    public async Task Stream_should_fail_as_unavailable_when_the_session_does_not_answer()
    {
        Supervise(sessions: true, Options with { Record = Options.Record with { OpenTimeout = TimeSpan.FromMilliseconds(100) } });
        Assert.Equal(FailureKind.Unavailable, Assert.IsType<StreamEvent.Failed>(Assert.Single(await All(Gateway.Start(Request())))).Kind);
    }

    [Fact]
    public async Task Resume_should_replay_what_is_recorded_and_compute_the_rest()
    {
        Supervise(sessions: true);
        var call = Gateway.Resume(new ResumeRequest("s", [1], "me", null));
        var attach = await Region.ExpectMsgAsync<SessionProtocol.Attach>();
        Assert.Equal("me", attach.Owner);
        attach.Stream.Tell(Opened(Request(), new RecordedChoice(Recorded(10, 11), 2, null)), Region.Ref);
        var submit = await Accept();
        Assert.Equal([10, 11], submit.Request.Generated);
        Bring(submit, 2, 12, 13);

        var events = await All(call);
        Assert.IsType<StreamEvent.Accepted>(events[0]);
        Assert.Equal([11, 12, 13], Ids(events));
        Assert.Equal(new StreamEvent.Finished(0, FinishReason.Length, "", 2, 4), events[^1]);
        var end = await Region.FishForMessageAsync<SessionProtocol.End>(_ => true);
        Assert.Equal((2, 2), (end.FirstIndex, end.Tokens.Count));
    }

    [Theory]
    [InlineData(0, "10 11 12", null)]
    [InlineData(3, "", null)]
    [InlineData(4, "", FailureKind.OutOfRange)] // ended after 3
    [InlineData(9, "", FailureKind.OutOfRange)] // can never be
    [InlineData(-1, "", FailureKind.Invalid)]
    public async Task Resume_should_replay_a_finished_session_without_a_decoder(int next, string ids, FailureKind? failure)
    {
        Supervise(sessions: true);
        var call = Gateway.Resume(new ResumeRequest("s", [next], "me", null));
        var attach = await Region.ExpectMsgAsync<SessionProtocol.Attach>();
        attach.Stream.Tell(Opened(Request(), new RecordedChoice(Recorded(10, 11, 12), 3, new RecordedEnd(FinishReason.Stop))), Region.Ref);
        var events = await All(call);
        Assert.Equal(ids, string.Join(' ', Ids(events)));
        Assert.Equal(failure, (events[^1] as StreamEvent.Failed)?.Kind);
        await Decoder.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(50));
        await Nodes.Eventually.Holds(() => Counters.Active == 0, "the stream has gone");
    }

    [Fact]
    public async Task Resume_should_compute_what_did_not_fit_the_message_and_end_where_the_record_does()
    {
        Supervise(sessions: true);
        var call = Gateway.Resume(new ResumeRequest("s", [], "me", null));
        var attach = await Region.ExpectMsgAsync<SessionProtocol.Attach>();
        attach.Stream.Tell(Opened(Request(9), new RecordedChoice(Recorded(10), 3, new RecordedEnd(FinishReason.Cancelled))), Region.Ref);
        Bring(await Accept(), 1, 11, 12, 13);
        var events = await All(call);
        Assert.Equal([10, 11, 12], Ids(events));
        Assert.Equal(FinishReason.Cancelled, Assert.IsType<StreamEvent.Finished>(events[^1]).Reason);
    }

    [Fact]
    public async Task Resume_should_be_refused_when_there_is_no_such_session()
    {
        Supervise(sessions: true);
        var call = Gateway.Resume(new ResumeRequest("s", [], "me", null));
        var attach = await Region.ExpectMsgAsync<SessionProtocol.Attach>();
        attach.Stream.Tell(new SessionProtocol.OpenRefused("s", FailureKind.NotFound, "no such session"), Region.Ref);
        Assert.Equal(FailureKind.NotFound, Assert.IsType<StreamEvent.Failed>(Assert.Single(await All(call))).Kind);
    }

    [Fact]
    public async Task Request_with_a_known_id_should_go_on_with_the_recorded_seed_and_tokens()
    {
        Supervise(sessions: true);
        var request = Request() with { SeedPicked = true };
        var call = Gateway.Start(request);
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        var wrong = await Accept();
        Bring(wrong, 0, 66, 67); // of the seed that this node picked
        var known = request with { Sampling = request.Sampling with { Seed = 77 } };
        open.Stream.Tell(Opened(known, new RecordedChoice(Recorded(10), 1, null)), Region.Ref);
        var right = await Accept();
        Assert.Equal(77ul, right.Request.Sampling.Seed);
        Assert.Equal([10], right.Request.Generated);
        Bring(wrong, 2, 68);
        Bring(right, 1, 11, 12, 13);
        var events = await All(call);
        Assert.Equal(77ul, Assert.IsType<StreamEvent.Accepted>(events[0]).Seed);
        Assert.Equal([10, 11, 12, 13], Ids(events));
        Assert.Equal(0, Counters.DeterminismViolations);
    }

    [Fact]
    public async Task Superseded_stream_should_go_without_a_word_when_it_has_no_caller()
    {
        Supervise(sessions: true);
        var call = Gateway.Start(Request());
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        open.Stream.Tell(Opened(Request()), Region.Ref);
        var submit = await Accept();
        call.Leave();
        await Nodes.Eventually.Holds(() => Counters.Detached == 1, "detached");
        open.Stream.Tell(new SessionProtocol.Superseded("s", 2), Region.Ref);
        await Decoder.FishForMessageAsync<CancelSequence>(c => c.Id == submit.Id);
        await Nodes.Eventually.Holds(() => Counters is { Active: 0, Detached: 0 }, "gone");
        await Region.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public async Task Cancelling_should_reach_a_session_that_runs_elsewhere()
    {
        Supervise(sessions: true);
        var found = Gateway.CancelAsync("s", "me", default);
        var cancel = await Region.ExpectMsgAsync<SessionProtocol.CancelSession>();
        Assert.Equal("me", cancel.Owner);
        Region.Reply(new SessionProtocol.CancelReply("s", true));
        Assert.True(await found);
    }

    [Fact]
    public async Task Cancelling_should_say_so_when_the_session_does_not_answer()
    {
        Supervise(sessions: true, Options with { Record = Options.Record with { OpenTimeout = TimeSpan.FromMilliseconds(100) } });
        await Assert.ThrowsAsync<SessionsUnavailableException>(() => Gateway.CancelAsync("s", "me", default));
    }

    [Fact]
    public async Task Answer_of_another_seed_should_not_be_shown_when_it_was_ready_before_the_record()
    {
        Supervise(sessions: true);
        var request = Request() with { SeedPicked = true };
        var call = Gateway.Start(request);
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        Bring(await Accept(), 0, 66, 67, 68, 69); // all of it
        var known = request with { Sampling = request.Sampling with { Seed = 77 } };
        open.Stream.Tell(Opened(known), Region.Ref);
        var right = await Accept();
        Assert.Equal(77ul, right.Request.Sampling.Seed);
        Bring(right, 0, 10, 11, 12, 13);
        Same(await All(call), 10, 11, 12, 13);
        var end = await Region.FishForMessageAsync<SessionProtocol.End>(_ => true);
        Assert.Equal([10, 11, 12, 13], end.Tokens.Select(t => t.TokenId));
    }

    [Fact]
    public async Task Superseded_stream_should_serve_its_caller_and_record_nothing()
    {
        Supervise(sessions: true);
        var call = Gateway.Start(Request());
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        open.Stream.Tell(Opened(Request()), Region.Ref);
        open.Stream.Tell(new SessionProtocol.Superseded("s", 1), Region.Ref); // of its own attempt: late, and wrong
        var submit = await Accept();
        Bring(submit, 0, 10);
        await Region.FishForMessageAsync<SessionProtocol.Record>(r => r.Tokens.Count == 1);
        open.Stream.Tell(new SessionProtocol.Superseded("s", 2), Region.Ref);
        var cancelled = Gateway.CancelAsync("s", "me", default); // goes to whoever has the session
        await Region.FishForMessageAsync<SessionProtocol.CancelSession>(_ => true);
        Region.Reply(new SessionProtocol.CancelReply("s", false));
        Assert.False(await cancelled);
        Bring(submit, 1, 11, 12, 13);
        Same(await All(call), 10, 11, 12, 13);
        await Nodes.Eventually.Holds(() => Counters.Active == 0, "the stream has gone at once");
        await Region.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public async Task Superseded_stream_should_record_what_is_missing_when_the_session_is_handed_back()
    {
        Supervise(sessions: true);
        var call = Gateway.Start(Request());
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        open.Stream.Tell(Opened(Request()), Region.Ref);
        var submit = await Accept();
        open.Stream.Tell(new SessionProtocol.Superseded("s", 2), Region.Ref);
        Bring(submit, 0, 10, 11);
        open.Stream.Tell(Opened(Request()) with { Attempt = 3 }, Region.Ref);
        var missing = await Region.FishForMessageAsync<SessionProtocol.Record>(r => r.Tokens.Count == 2);
        Bring(submit, 2, 12, 13);
        Same(await All(call), 10, 11, 12, 13);
        var end = await Region.FishForMessageAsync<SessionProtocol.End>(_ => true);
        Assert.Equal((3, 3), (missing.Attempt, end.Attempt));
    }

    [Fact]
    public async Task Request_should_begin_a_session_when_a_resume_before_it_has_found_none()
    {
        Supervise(sessions: true);
        var resume = Gateway.Resume(new ResumeRequest("s", [], "me", null));
        var attach = await Region.ExpectMsgAsync<SessionProtocol.Attach>();
        var start = Gateway.Start(Request());
        await Nodes.Eventually.Holds(() => Counters.Active == 1, "both at one stream");
        attach.Stream.Tell(new SessionProtocol.OpenRefused("s", FailureKind.NotFound, "no such session"), Region.Ref);
        Assert.Equal(FailureKind.NotFound, Assert.IsType<StreamEvent.Failed>(Assert.Single(await All(resume))).Kind);
        var open = await Region.FishForMessageAsync<SessionProtocol.Open>(_ => true);
        open.Stream.Tell(Opened(Request()), Region.Ref);
        Bring(await Accept(), 0, 10, 11, 12, 13);
        Same(await All(start), 10, 11, 12, 13);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Caller_should_be_told_when_the_session_is_cancelled_before_it_is_open(bool opens)
    {
        Supervise(sessions: true, Options with { Record = Options.Record with { OpenTimeout = TimeSpan.FromMilliseconds(200) } });
        var call = Gateway.Start(Request());
        var open = await Region.ExpectMsgAsync<SessionProtocol.Open>();
        Assert.True(await Gateway.CancelAsync("s", "me", default));
        if (opens)
            open.Stream.Tell(Opened(Request()), Region.Ref);
        var last = (await All(call))[^1];
        if (opens)
        {
            Assert.Equal(FinishReason.Cancelled, Assert.IsType<StreamEvent.Finished>(last).Reason);
            await Region.FishForMessageAsync<SessionProtocol.End>(e => e.Outcome.Reason == FinishReason.Cancelled);
        }
        else
            Assert.Equal(FailureKind.Unavailable, Assert.IsType<StreamEvent.Failed>(last).Kind);
    }
}
