using PanguCluster.Chaos.Processes;
using System.Data.Common;
using Akka.Actor;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Tests.Sessions.Databases;
using PanguCluster.Model.Decoding;
using Xunit;
using static PanguCluster.Actors.Sessions.SessionProtocol;
using Record = PanguCluster.Actors.Sessions.SessionProtocol.Record;

namespace PanguCluster.Actors.Tests.Sessions;

/// <summary>What only a journal that outlives its process can promise.</summary>
public abstract class SqlSessionSuite(IJournals journals) : SessionSuite(journals)
{
    [Fact]
    public async Task Session_should_come_back_on_another_node_when_every_process_was_killed()
    {
        var journal = Journals.Create();
        await using (var node = await SessionHarness.Start(journal))
        {
            var stream = node.Stream();
            stream.Open("s", SessionHarness.Request());
            await stream.Hears<Opened>();
            stream.Say(new Record("s", 1, "n1", 0, 0, SessionHarness.Tokens(0, 20)));
            await stream.Hears<Recorded>();
            await node.Listed("s", SessionState.Running);
            await node.Kill();
        }

        await using var other = await SessionHarness.Start(journal);

        Assert.Equal(SessionState.Interrupted, (await other.Book.FindAsync("s", CancellationToken.None)).State);
        var back = other.Stream();
        back.Attach("s");
        var opened = await back.Hears<Opened>();
        Assert.Equal(SessionHarness.Tokens(0, 20), opened.Choices[0].Tokens);
        Assert.Equal(2, opened.Attempt);
    }

    [Fact]
    public async Task Session_should_keep_every_token_when_it_comes_back_to_a_node_that_it_had_left()
    {
        var journal = Journals.Create();
        await using var here = await SessionHarness.Start(journal);
        await using var there = await SessionHarness.Start(journal);
        var stream = here.Stream();
        stream.Open("s", SessionHarness.Request());
        await stream.Hears<Opened>();

        int count = 0;
        foreach (var node in new[] { here, there, here, there })
        {
            stream = node.Stream();
            stream.Attach("s");
            var opened = await stream.Hears<Opened>();
            Assert.Equal(SessionHarness.Tokens(0, count), opened.Choices[0].Tokens);
            stream.Say(new Record("s", opened.Attempt, "n1", 0, count, SessionHarness.Tokens(count, 20)));
            await stream.Hears<Recorded>();
            count += 20;
            await node.ForgetAsync("s");
        }
    }

    [Fact]
    public async Task Journal_should_hold_no_more_events_than_recovery_may_read()
    {
        var journal = Journals.Create();
        await using var node = await SessionHarness.Start(journal);
        var stream = node.Stream();
        stream.Open("s", SessionHarness.Request());
        await stream.Hears<Opened>();
        for (int i = 0; i < 300; i++)
        {
            stream.Say(new Record("s", 1, "n1", 0, i, SessionHarness.Tokens(i, 1)));
            await stream.Hears<Recorded>();
        }
        stream.Say(new End("s", 1, "n1", 0, 300, [], new RecordedEnd(FinishReason.Stop)));
        await stream.Hears<Ended>();

        await Eventually.Holds(() => Count(journal, "journal", "1 = 1") <= 64, "it is compact");
    }

    [Fact]
    public async Task Sweeper_should_list_sessions_whose_node_died_before_it_could()
    {
        var journal = Journals.Create();
        var options = SessionHarness.Quick with { SweepEvery = TimeSpan.FromMilliseconds(200) };
        await using (var node = await SessionHarness.Start(journal))
        {
            var stream = node.Stream();
            stream.Open("lost", SessionHarness.Request());
            await stream.Hears<Opened>();
            await node.Listed("lost", SessionState.Running);
            await node.Kill();
        }
        Execute(journal, "DELETE FROM pangu_session");

        await using var other = await SessionHarness.Start(journal, options);

        await other.Listed("lost", SessionState.Interrupted);
    }

    [Fact]
    public async Task Listing_should_be_the_same_on_every_node()
    {
        var journal = Journals.Create();
        await using var one = await SessionHarness.Start(journal);
        await using var two = await SessionHarness.Start(journal, join: one);
        for (int i = 0; i < 8; i++)
        {
            var stream = (i % 2 == 0 ? one : two).Stream();
            Assert.Equal(1, (await stream.HearsAfter<Opened>(new Open($"s{i}", SessionHarness.Request(), stream.Ref, "n"))).Attempt);
        }

        await Eventually.Holds(() => ((SessionHarness[])[one, two]).All(n =>
            n.Book.ListAsync("s", 10, CancellationToken.None).GetAwaiter().GetResult().Sessions.Count(s => s.State == SessionState.Running) == 8), "both list all");
    }

    [Fact]
    public async Task Session_should_go_on_when_it_moves_to_another_node_while_it_is_written()
    {
        var journal = Journals.Create();
        await using var one = await SessionHarness.Start(journal);
        await using var two = await SessionHarness.Start(journal, join: one);
        const int Sessions = 12;
        TestStream[] streams = [.. Enumerable.Range(0, Sessions).Select(_ => two.Stream())];
        for (int i = 0; i < Sessions; i++)
            await streams[i].HearsAfter<Opened>(new Open($"s{i}", SessionHarness.Request(), streams[i].Ref, "n2"));

        var writing = Enumerable.Range(0, Sessions).Select(async i =>
        {
            for (int count = 0; count < 400;)
            {
                int first = Math.Max(0, count - 3); // some of it again, as a stream that has not heard would
                count = (await streams[i].HearsAfter<Recorded>(new Record($"s{i}", 1, "n2", 0, first, SessionHarness.Tokens(first, 10)), 60)).Count;
            }
        }).ToArray();
        await one.Leave();
        await Task.WhenAll(writing);

        for (int i = 0; i < Sessions; i++)
        {
            var known = await streams[i].HearsAfter<Opened>(new Attach($"s{i}", "", streams[i].Ref, "n2"));
            Assert.Equal(SessionHarness.Tokens(0, known.Choices[0].Count), known.Choices[0].Tokens);
            Assert.InRange(known.Choices[0].Count, 400, 410);
        }
        Assert.Equal(0, one.Counters.DeterminismViolations + two.Counters.DeterminismViolations);
    }

    /// <summary>Two nodes that both take themselves for a session's home, or a write that comes after its writer gave it up: one of them fails.</summary>
    [Fact]
    public async Task Journal_should_refuse_a_second_event_of_one_number()
    {
        var journal = Journals.Create();
        await using var node = await SessionHarness.Start(journal);
        var stream = node.Stream();
        stream.Open("s", SessionHarness.Request());
        await stream.Hears<Opened>();
        stream.Say(new Record("s", 1, "n1", 0, 0, SessionHarness.Tokens(0, 5)));
        await stream.Hears<Recorded>();

        Assert.ThrowsAny<DbException>(() => Execute(journal, "UPDATE journal SET sequence_number = 1 WHERE persistence_id = 'session-s'"));
    }

    [Fact]
    public async Task Session_should_begin_anew_when_erasing_it_failed_half_way()
    {
        var journal = Journals.Create();
        await using var node = await SessionHarness.Start(journal);
        var stream = node.Stream();
        var request = SessionHarness.Request();
        stream.Open("s", request);
        await stream.Hears<Opened>();
        stream.Say(new End("s", 1, "n1", 0, 0, SessionHarness.Tokens(0, 3), new RecordedEnd(FinishReason.Stop)));
        await stream.Hears<Ended>();
        await node.Listed("s", SessionState.Finished);

        Execute(journal, "ALTER TABLE pangu_session RENAME TO hidden"); // the events go, the row cannot
        stream.Say(new Inspect("s", TimeProvider.System.GetUtcNow().AddHours(1)));
        await Eventually.Holds(() => node.Logged.Any(l => l.Contains("cannot be erased yet", StringComparison.Ordinal)), "it says so");
        Execute(journal, "ALTER TABLE hidden RENAME TO pangu_session");

        var opened = await stream.HearsAfter<Opened>(new Open("s", request, stream.Ref, "n1"));
        Assert.Equal((1, 0), (opened.Attempt, opened.Choices[0].Count));
        node.Forget("s");
        Assert.Equal(2, (await stream.HearsAfter<Opened>(new Attach("s", "", stream.Ref, "n1"))).Attempt);
        await node.Listed("s", SessionState.Running);
    }

    protected override async Task AssertErased(SessionHarness node, string id)
    {
        await Eventually.Holds(
            () => Count(node.Journal, "journal", $"persistence_id = 'session-{id}'") == 0, "nothing is left in the journal");
    }

    protected static long Count(JournalOptions journal, string table, string condition)
    {
        using var connection = journal.Connect();
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT COUNT(*) FROM {table} WHERE {condition}";
        return Convert.ToInt64(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture);
    }

    protected static void Execute(JournalOptions journal, string sql)
    {
        using var connection = journal.Connect();
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}

public sealed class SqliteSessionTests(SqliteJournals journals) : SqlSessionSuite(journals), IClassFixture<SqliteJournals>
{
    [Fact]
    public async Task File_should_be_its_owners_alone()
    {
        var journal = Journals.Create();
        await using var node = await SessionHarness.Start(journal);
        var stream = node.Stream();
        stream.Open("s", SessionHarness.Request());
        await stream.Hears<Opened>();

        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(journal.Place)!))
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public async Task File_should_not_grow_when_sessions_come_and_go()
    {
        var journal = Journals.Create();
        await using var node = await SessionHarness.Start(journal);
        var pages = new List<long>();
        for (int round = 0; round < 4; round++)
        {
            string[] ids = [.. Enumerable.Range(0, 40).Select(i => $"r{round}-{i}")];
            foreach (string id in ids)
            {
                var stream = node.Stream();
                stream.Open(id, SessionHarness.Request());
                await stream.Hears<Opened>();
                stream.Say(new End(id, 1, "n1", 0, 0, SessionHarness.Tokens(0, 256), new RecordedEnd(FinishReason.Stop)));
                await stream.Hears<Ended>();
                stream.Die();
            }
            await Eventually.Holds(() => Count(journal, "pangu_session", "1 = 1") == ids.Length, "all are listed");
            foreach (string id in ids)
                node.Region.Tell(new Inspect(id, TimeProvider.System.GetUtcNow().AddHours(1)));
            await Eventually.Holds(() => Count(journal, "journal", "1 = 1") == 0 && Count(journal, "pangu_session", "1 = 1") == 0, "all are gone");
            pages.Add(PageCount(journal));
        }

        Assert.InRange(pages[^1], 1, pages[0] + (pages[0] / 4));
    }

    private static long PageCount(JournalOptions journal)
    {
        using var connection = journal.Connect();
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA page_count";
        return Convert.ToInt64(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture);
    }
}

public sealed class PostgresSessionTests(PostgresJournals journals) : SqlSessionSuite(journals), IClassFixture<PostgresJournals>;
