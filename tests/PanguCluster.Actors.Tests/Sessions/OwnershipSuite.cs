using PanguCluster.Chaos.Processes;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Tests.Sessions.Databases;
using PanguCluster.Model.Decoding;
using Xunit;
using static PanguCluster.Actors.Sessions.SessionProtocol;
using Record = PanguCluster.Actors.Sessions.SessionProtocol.Record;

namespace PanguCluster.Actors.Tests.Sessions;

/// <summary>Several streams and one session: whose tokens count, who goes on when one goes, what ends it.</summary>
public abstract class OwnershipSuite(IJournals journals)
{
    protected IJournals Journals => journals;

    [Fact]
    public async Task Session_should_open_when_its_first_stream_died_before_it_was_answered()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (first, second) = (node.Stream(), node.Stream());
        var request = SessionHarness.Request();

        first.Open("s", request);
        first.Die();

        var opened = await second.HearsAfter<Opened>(new Open("s", request, second.Ref, "n2"));
        Assert.Equal(request.AcceptedAt, opened.Request.AcceptedAt);
        second.Say(new Record("s", opened.Attempt, "n2", 0, 0, SessionHarness.Tokens(0, 5)));
        Assert.Equal(5, (await second.Hears<Recorded>()).Count);
    }

    [Fact]
    public async Task Session_should_have_one_seed_when_many_streams_open_it_at_once()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var request = SessionHarness.Request() with { SeedPicked = true };
        TestStream[] streams = [.. Enumerable.Range(0, 8).Select(_ => node.Stream())];

        for (int i = 0; i < streams.Length; i++)
            streams[i].Open("s", request with { Sampling = request.Sampling with { Seed = 100 + (ulong)i } });

        var opened = await Task.WhenAll(streams.Select(s => s.Hears<Opened>()));
        Assert.Single(opened.Select(o => o.Request.Sampling.Seed).Distinct());
        Assert.Equal(Enumerable.Range(1, 8), opened.Select(o => o.Attempt).Order());
    }

    [Fact]
    public async Task Session_should_go_back_to_the_earlier_stream_when_the_callers_of_the_later_one_have_gone()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (earlier, later) = await Two(node);
        later.Say(new Record("s", 2, "n2", 0, 0, SessionHarness.Tokens(0, 8)));
        await later.Hears<Recorded>();

        later.Say(new End("s", 2, "n2", 0, 8, [], new RecordedEnd(FinishReason.Cancelled)));

        await later.Hears<Ended>();
        Assert.Equal(3, (await earlier.Hears<Opened>()).Attempt);
        earlier.Say(new End("s", 3, "n1", 0, 0, SessionHarness.Tokens(0, 10), new RecordedEnd(FinishReason.Stop)));
        await earlier.Hears<Ended>();
        Assert.Equal(10, (await node.Listed("s", SessionState.Finished)).GeneratedTokens);
    }

    [Fact]
    public async Task Session_should_be_cancelled_when_the_callers_of_the_later_stream_went_and_then_the_others()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (earlier, later) = await Two(node);
        var cancelled = new RecordedEnd(FinishReason.Cancelled);

        later.Say(new End("s", 2, "n2", 0, 0, [], cancelled));
        Assert.Equal(3, (await earlier.Hears<Opened>()).Attempt);
        earlier.Say(new End("s", 3, "n1", 0, 0, [], cancelled));

        await earlier.Hears<Ended>();
        await node.Listed("s", SessionState.Cancelled);
    }

    [Fact]
    public async Task Session_should_go_back_to_the_earlier_stream_when_the_later_one_is_killed()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (earlier, later) = await Two(node);

        later.Die();

        Assert.Equal(3, (await earlier.Hears<Opened>()).Attempt);
        await node.Listed("s", SessionState.Running);
        earlier.Die();
        await node.Listed("s", SessionState.Interrupted);
    }

    [Fact]
    public async Task Session_should_be_cancelled_when_no_stream_has_callers_left()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (earlier, later) = await Two(node);
        var cancelled = new RecordedEnd(FinishReason.Cancelled);

        earlier.Say(new End("s", 1, "n1", 0, 0, [], cancelled));
        await earlier.Hears<Superseded>();
        later.Say(new End("s", 2, "n2", 0, 0, [], cancelled));

        await node.Listed("s", SessionState.Cancelled);
    }

    [Fact]
    public async Task Cancel_should_reach_every_stream()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (earlier, later) = await Two(node);
        var caller = node.Stream();

        caller.Say(new CancelSession("s", null));

        await caller.Hears<CancelReply>();
        await earlier.Hears<CancelStream>();
        await later.Hears<CancelStream>();
        later.Say(new Record("s", 2, "n2", 0, 0, [])); // it has not heard
        await later.Hears<CancelStream>();
        later.Say(new End("s", 2, "n2", 0, 0, [], new RecordedEnd(FinishReason.Cancelled)));
        await node.Listed("s", SessionState.Cancelled);
    }

    [Fact]
    public async Task Cancel_should_last_when_it_falls_together_with_a_snapshot()
    {
        await using var node = await SessionHarness.Start(journals.Create());
        var (stream, caller) = (node.Stream(), node.Stream());
        stream.Open("s", SessionHarness.Request(choices: 2));
        await stream.Hears<Opened>();
        for (int i = 0; i < SessionActor.EventsPerSnapshot - 2; i++)
        {
            stream.Say(new Record("s", 1, "n1", 0, i, SessionHarness.Tokens(i, 1)));
            await stream.Hears<Recorded>();
        }
        stream.Die();
        await node.Listed("s", SessionState.Interrupted);

        caller.Say(new CancelSession("s", null)); // two more events: the first is the snapshot's
        Assert.True((await caller.Hears<CancelReply>()).Found);

        await node.Listed("s", SessionState.Cancelled);
        node.Forget("s");
        var known = await caller.HearsAfter<Opened>(new Attach("s", "", caller.Ref, "n1"));
        Assert.All(known.Choices, c => Assert.Equal(FinishReason.Cancelled, c.End?.Reason));
    }

    private static async Task<(TestStream Earlier, TestStream Later)> Two(SessionHarness node)
    {
        var (earlier, later) = (node.Stream(), node.Stream());
        var request = SessionHarness.Request();
        earlier.Open("s", request);
        await earlier.Hears<Opened>();
        later.Open("s", request);
        Assert.Equal(2, (await later.Hears<Opened>()).Attempt);
        await earlier.Hears<Superseded>();
        return (earlier, later);
    }
}

public sealed class MemoryOwnershipTests(MemoryJournals journals) : OwnershipSuite(journals), IClassFixture<MemoryJournals>;

public sealed class SqliteOwnershipTests(SqliteJournals journals) : OwnershipSuite(journals), IClassFixture<SqliteJournals>;

public sealed class PostgresOwnershipTests(PostgresJournals journals) : OwnershipSuite(journals), IClassFixture<PostgresJournals>;
