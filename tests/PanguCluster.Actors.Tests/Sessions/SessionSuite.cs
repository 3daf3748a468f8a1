using PanguCluster.Chaos.Processes;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Tests.Sessions.Databases;
using PanguCluster.Model.Decoding;
using Xunit;
using static PanguCluster.Actors.Sessions.SessionProtocol;
using Record = PanguCluster.Actors.Sessions.SessionProtocol.Record;

namespace PanguCluster.Actors.Tests.Sessions;

/// <summary>What sessions promise, on every kind of journal.</summary>
public abstract class SessionSuite(IJournals journals)
{
    protected IJournals Journals => journals;

    protected static SessionOptions Passivating { get; } = SessionHarness.Quick with { Silence = TimeSpan.FromMilliseconds(300) };

    [Fact]
    public async Task Open_should_bring_what_is_recorded_when_the_same_request_comes_again()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (first, second) = (node.Stream(), node.Stream());
        var request = SessionHarness.Request();
        first.Open("s", request);
        var opened = await first.Hears<Opened>();
        Assert.Equivalent(request, opened.Request);
        Assert.Equal(1, opened.Attempt);
        Assert.Equal(0, Assert.Single(opened.Choices).Count);
        first.Say(new Record("s", 1, "n1", 0, 0, SessionHarness.Tokens(0, 32)));
        Assert.Equal(new Recorded("s", 0, 32), await first.Hears<Recorded>());

        second.Open("s", request with { AcceptedAt = request.AcceptedAt.AddSeconds(1) });

        var again = await second.Hears<Opened>();
        Assert.Equal(2, again.Attempt);
        Assert.Equal(SessionHarness.Tokens(0, 32), again.Choices[0].Tokens);
        Assert.Equal(request.AcceptedAt, again.Request.AcceptedAt);
        Assert.Equal(new Superseded("s", 2), await first.Hears<Superseded>());
        first.Say(new Record("s", 1, "n1", 0, 32, SessionHarness.Tokens(32, 1)));
        Assert.Equal(2, (await first.Hears<Superseded>()).Attempt);
        second.Open("s", request);
        Assert.Equal(2, (await second.Hears<Opened>()).Attempt);
    }

    [Fact]
    public async Task Open_should_be_refused_when_the_id_belongs_to_another_request()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var stream = node.Stream();
        var request = SessionHarness.Request();
        stream.Open("s", request);
        await stream.Hears<Opened>();

        foreach (var other in new[]
        {
            request with { Prompt = [1, 2, 4] }, request with { MaxTokens = 5 }, request with { Sampling = request.Sampling with { Seed = 8 } },
            request with { StopStrings = ["x"] }, request with { StopTokenIds = [3] }, request with { Choices = 2 }, request with { Echo = true },
            request with { Detached = true }, request with { Owner = "other" }, request with { ModelDigest = "other" }, request with { SeedPicked = true },
        })
        {
            stream.Open("s", other);
            Assert.Equal(FailureKind.Conflict, (await stream.Hears<OpenRefused>()).Kind);
        }
    }

    [Fact]
    public async Task Open_should_take_two_picked_seeds_for_one_request()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (first, second) = (node.Stream(), node.Stream());
        var request = SessionHarness.Request() with { SeedPicked = true };
        first.Open("s", request);
        await first.Hears<Opened>();

        second.Open("s", request with { Sampling = request.Sampling with { Seed = 99 } });

        Assert.Equal(7u, (await second.Hears<Opened>()).Request.Sampling.Seed);
    }

    [Fact]
    public async Task Attach_should_find_sessions_of_its_owner_only_and_count()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (stream, stranger, back) = (node.Stream(), node.Stream(), node.Stream());
        stream.Open("s", SessionHarness.Request(owner: "key"));
        await stream.Hears<Opened>();

        stranger.Attach("s", "other");
        Assert.Equal(FailureKind.NotFound, (await stranger.Hears<OpenRefused>()).Kind);
        stranger.Attach("nothing", "key");
        Assert.Equal(FailureKind.NotFound, (await stranger.Hears<OpenRefused>()).Kind);
        back.Attach("s", "key");
        Assert.Equal(2, (await back.Hears<Opened>()).Attempt);
        await stream.Hears<Superseded>();

        var listed = await node.Listed("s", SessionState.Running);
        Assert.Equal((1, "n2", "key"), (listed.Resumes, listed.NodeId, listed.Owner));
    }

    [Fact]
    public async Task Tokens_should_be_recorded_once_and_never_overwritten()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var stream = node.Stream();
        stream.Open("s", SessionHarness.Request(choices: 2));
        await stream.Hears<Opened>();

        stream.Say(new Record("s", 1, "n1", 1, 0, SessionHarness.Tokens(0, 10)));
        Assert.Equal(new Recorded("s", 1, 10), await stream.Hears<Recorded>());
        stream.Say(new Record("s", 1, "n1", 1, 12, SessionHarness.Tokens(12, 3))); // a gap
        Assert.Equal(new Recorded("s", 1, 10), await stream.Hears<Recorded>());
        stream.Say(new Record("s", 1, "n1", 1, 5, SessionHarness.Tokens(5, 10))); // half of it known
        Assert.Equal(new Recorded("s", 1, 15), await stream.Hears<Recorded>());
        Assert.Equal(0, node.Counters.DeterminismViolations);
        stream.Say(new Record("s", 1, "n1", 1, 3, [new RecordedToken(77, float.NaN, null)]));
        Assert.Equal(new Recorded("s", 1, 15), await stream.Hears<Recorded>());
        Assert.Equal(1, node.Counters.DeterminismViolations);
        stream.Say(new Read("s", 1, 2));
        var page = await stream.Hears<Page>();
        Assert.Equal(Enumerable.Range(2, 13), page.TokenIds);
        Assert.Equal([0, 15], page.Counts);
    }

    [Fact]
    public async Task End_should_close_choices_one_by_one()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (stream, later) = (node.Stream(), node.Stream());
        stream.Open("s", SessionHarness.Request(choices: 2));
        await stream.Hears<Opened>();

        stream.Say(new End("s", 1, "n1", 0, 1, SessionHarness.Tokens(1, 1), new RecordedEnd(FinishReason.Stop))); // token 0 is missing
        Assert.Equal(new Recorded("s", 0, 0), await stream.Hears<Recorded>());
        stream.Say(new End("s", 1, "n1", 0, 0, SessionHarness.Tokens(0, 2), new RecordedEnd(FinishReason.Stop)));
        await stream.Hears<Ended>();
        await node.Listed("s", SessionState.Running);
        stream.Say(new End("s", 1, "n1", 1, 0, [], new RecordedEnd(FinishReason.Error, FailureKind.Internal, "broken")));
        await stream.Hears<Ended>();
        stream.Say(new End("s", 1, "n1", 1, 0, [], new RecordedEnd(FinishReason.Length)));
        await stream.Hears<Ended>();

        var listed = await node.Listed("s", SessionState.Failed);
        Assert.Equal(2, listed.GeneratedTokens);
        Assert.NotNull(listed.Ended);
        later.Attach("s");
        var opened = await later.Hears<Opened>();
        Assert.Equal(new RecordedEnd(FinishReason.Stop), opened.Choices[0].End);
        Assert.Equal(new RecordedEnd(FinishReason.Error, FailureKind.Internal, "broken"), opened.Choices[1].End);
    }

    [Fact]
    public async Task Session_should_be_the_same_after_it_has_slept()
    {
        await using var node = await SessionHarness.Start(journals.Create(), Passivating);
        var (stream, later) = (node.Stream(), node.Stream());
        stream.Open("s", SessionHarness.Request());
        await stream.Hears<Opened>();
        for (int i = 0; i < 150; i++) // past two snapshots
        {
            stream.Say(new Record("s", 1, "n1", 0, i * 4, SessionHarness.Tokens(i * 4, 4)));
            Assert.Equal((i + 1) * 4, (await stream.Hears<Recorded>()).Count);
        }
        await node.Listed("s", SessionState.Interrupted); // silent for too long: asleep

        later.Attach("s");

        var opened = await later.Hears<Opened>();
        Assert.Equal(SessionHarness.Tokens(0, 600), opened.Choices[0].Tokens);
        Assert.Equal(2, opened.Attempt);
    }

    [Fact]
    public async Task Session_should_be_interrupted_when_its_stream_dies_and_go_on_with_the_next()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (stream, next) = (node.Stream(), node.Stream());
        stream.Open("s", SessionHarness.Request());
        await stream.Hears<Opened>();
        await node.Listed("s", SessionState.Running);

        stream.Die();

        await node.Listed("s", SessionState.Interrupted);
        next.Say(new Record("s", 1, "n1", 0, 0, [])); // the stream's word that it lives, after its session has moved
        await next.Hears<Recorded>();
        await node.Listed("s", SessionState.Running);
    }

    [Fact]
    public async Task Cancel_should_reach_the_stream_or_the_record()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (stream, caller) = (node.Stream(), node.Stream());
        stream.Open("s", SessionHarness.Request(owner: "key", choices: 2));
        await stream.Hears<Opened>();

        caller.Say(new CancelSession("s", "other"));
        Assert.False((await caller.Hears<CancelReply>()).Found);
        caller.Say(new CancelSession("nothing", null));
        Assert.False((await caller.Hears<CancelReply>()).Found);
        caller.Say(new CancelSession("s", "key"));
        Assert.True((await caller.Hears<CancelReply>()).Found);
        await stream.Hears<CancelStream>();
        stream.Die(); // before it could end anything
        await node.Listed("s", SessionState.Cancelled);

        stream = node.Stream();
        stream.Open("t", SessionHarness.Request(choices: 2));
        await stream.Hears<Opened>();
        stream.Die();
        await node.Listed("t", SessionState.Interrupted);
        caller.Say(new CancelSession("t", null));
        Assert.True((await caller.Hears<CancelReply>()).Found);
        await node.Listed("t", SessionState.Cancelled);
    }

    [Fact]
    public async Task Sweeper_should_erase_what_is_old_and_leave_what_runs()
    {
        var options = SessionHarness.Quick with { Keep = TimeSpan.FromMilliseconds(500), SweepEvery = TimeSpan.FromMilliseconds(100) };
        await using var node = await SessionHarness.Start(journals.Create(), options);
        var (ended, running) = (node.Stream(), node.Stream());
        running.Open("running", SessionHarness.Request());
        await running.Hears<Opened>();
        ended.Open("ended", SessionHarness.Request());
        await ended.Hears<Opened>();
        ended.Say(new End("ended", 1, "n1", 0, 0, SessionHarness.Tokens(0, 3), new RecordedEnd(FinishReason.Stop)));
        await ended.Hears<Ended>();

        await Eventually.Holds(
            () => node.Book.ListAsync("", 10, CancellationToken.None).GetAwaiter().GetResult().Sessions is [{ SessionId: "running" }], "one is left");
        ended.Attach("ended");
        Assert.Equal(FailureKind.NotFound, (await ended.Hears<OpenRefused>()).Kind);
        await AssertErased(node, "ended");
        ended.Open("ended", SessionHarness.Request(maxTokens: 9)); // the id is free again
        Assert.Equal(1, (await ended.Hears<Opened>()).Attempt);
    }

    protected virtual Task AssertErased(SessionHarness node, string id) => Task.CompletedTask;

    [Fact]
    public async Task Book_should_find_sessions_by_the_beginning_of_their_ids()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        foreach (string id in (string[])["abc1", "abc2", "ab", "x.y:Z"])
        {
            var stream = node.Stream();
            stream.Open(id, SessionHarness.Request());
            await stream.Hears<Opened>();
            await node.Listed(id == "ab" ? "ab" : id, SessionState.Running);
            if (id == "abc2")
                break;
        }

        Assert.Equal("abc1", (await node.Book.FindAsync("abc1", CancellationToken.None)).SessionId);
        Assert.Contains("2 sessions", (await Assert.ThrowsAsync<SessionNameException>(() => node.Book.FindAsync("abc", CancellationToken.None))).Message);
        await Assert.ThrowsAsync<SessionNameException>(() => node.Book.FindAsync("z", CancellationToken.None));
        await Assert.ThrowsAsync<SessionNameException>(() => node.Book.FindAsync("", CancellationToken.None));
        await Assert.ThrowsAsync<SessionNameException>(() => node.Book.FindAsync("'; DROP TABLE journal; --", CancellationToken.None));
        var listing = await node.Book.ListAsync("", 1, CancellationToken.None);
        Assert.True(listing.More);
        Assert.Equal("abc2", Assert.Single(listing.Sessions).SessionId);
    }
}

public sealed class MemorySessionTests(MemoryJournals journals) : SessionSuite(journals), IClassFixture<MemoryJournals>;
