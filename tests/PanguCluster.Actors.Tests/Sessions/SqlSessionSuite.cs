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

    private static void Execute(JournalOptions journal, string sql)
    {
        using var connection = journal.Connect();
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}

public sealed class SqliteSessionTests(SqliteJournals journals) : SqlSessionSuite(journals), IClassFixture<SqliteJournals>;

public sealed class PostgresSessionTests(PostgresJournals journals) : SqlSessionSuite(journals), IClassFixture<PostgresJournals>;
