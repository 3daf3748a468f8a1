using PanguCluster.Chaos.Processes;
using System.Diagnostics;
using Microsoft.Data.Sqlite;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Tests.Sessions.Databases;
using Xunit;
using static PanguCluster.Actors.Sessions.SessionProtocol;
using Record = PanguCluster.Actors.Sessions.SessionProtocol.Record;

namespace PanguCluster.Actors.Tests.Sessions;

/// <summary>Alone in their process: a locked file holds the threads that all SQLite journals of a process share.</summary>
[CollectionDefinition(nameof(JournalFaults), DisableParallelization = true)]
public sealed class JournalFaults;

/// <summary>The database goes and comes back: nothing acknowledged is lost, new requests are refused meanwhile, and nobody has to restart anything.</summary>
[Collection(nameof(JournalFaults))]
public sealed class JournalFaultTests(SqliteJournals files, PostgresJournals servers) : IClassFixture<SqliteJournals>, IClassFixture<PostgresJournals>
{
    [Fact]
    public async Task Sessions_should_heal_when_another_process_locked_the_file_and_let_go()
    {
        var journal = files.Create();
        await CheckFault(journal, () =>
        {
            var locker = new SqliteConnection(journal.ConnectionString + ";Pooling=false");
            locker.Open();
            var begin = locker.CreateCommand();
            begin.CommandText = "BEGIN IMMEDIATE";
            begin.ExecuteNonQuery();
            return locker.Dispose;
        });
    }

    [Fact]
    public async Task Sessions_should_heal_when_the_database_server_crashed_and_came_back() => await CheckFault(servers.Create(), () =>
    {
        servers.Server.Down();
        return servers.Server.Up;
    });

    [Fact]
    public async Task Sessions_should_heal_when_the_disk_was_full_and_has_room_again()
    {
        string folder = Directory.CreateTempSubdirectory("pangu-disk-").FullName;
        // A disk of its own needs root; without it the test cannot be made.
        Assert.SkipUnless(Mount("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder), "mounting a small disk is not allowed here");
        try
        {
            string filler = Path.Combine(folder, "filler");
            await CheckFault(JournalOptions.Sqlite(Path.Combine(folder, JournalOptions.FileName)), () =>
            {
                Fill(filler);
                return () => File.Delete(filler);
            });
        }
        finally
        {
            SqliteConnection.ClearAllPools();
            Mount("umount", folder);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Node_should_start_without_its_database_and_keep_sessions_once_it_is_there()
    {
        var journal = servers.Create();
        servers.Server.Down();
        try
        {
            await using var node = await SessionHarness.Start(journal);
            var stream = node.Stream();
            await Eventually.Holds(() => node.Health.Problem?.Contains("not available", StringComparison.Ordinal) == true, "the node says so");
            await Assert.ThrowsAsync<SessionsUnavailableException>(() => node.Book.ListAsync("", 1, CancellationToken.None));

            servers.Server.Up();

            Assert.Equal(1, (await stream.HearsAfter<Opened>(new Open("s", SessionHarness.Request(), stream.Ref, "n"))).Attempt);
            await Eventually.Holds(() => node.Health.Problem is null, "the node is well");
        }
        finally
        {
            if (!servers.Server.Answers())
                servers.Server.Up();
        }
    }

    [Fact]
    public async Task Sessions_should_be_refused_when_a_file_would_have_to_serve_two_machines()
    {
        await using var node = await SessionHarness.Start(files.Create());
        node.View.Set(node.View.Current, [], spansHosts: true);
        var stream = node.Stream();

        stream.Open("s", SessionHarness.Request());

        Assert.Contains("--journal postgres://", (await stream.Hears<OpenRefused>()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_should_not_show_the_password_when_the_database_is_gone()
    {
        var journal = JournalOptions.Postgres($"Host=127.0.0.1;Port=1;Username=pangu;Password={PostgresServer.Secret};Database=x");
        await using var node = await SessionHarness.Start(journal, hocon: "akka.loglevel = DEBUG\nakka.log-config-on-start = on");
        var stream = node.Stream();
        stream.Open("s", SessionHarness.Request());
        await Eventually.Holds(() => node.Health.Problem?.Contains("not available", StringComparison.Ordinal) == true, "the node says so");
        await Eventually.Holds(() => node.Logged.Any(line => line.Contains("not available", StringComparison.Ordinal)), "the log says so");

        Assert.DoesNotContain(node.Logged, text => text.Contains(PostgresServer.Secret, StringComparison.Ordinal));
        Assert.DoesNotContain(PostgresServer.Secret, node.System.Settings.Config.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(PostgresServer.Secret, $"{journal} {node.Health.Problem}", StringComparison.Ordinal);
    }

    /// <param name="breakIt">Makes the database unusable; what it returns makes it usable again.</param>
    private static async Task CheckFault(JournalOptions journal, Func<Action> breakIt)
    {
        await using var node = await SessionHarness.Start(journal);
        var (running, fresh) = (node.Stream(), node.Stream());
        running.Open("running", SessionHarness.Request());
        await running.Hears<Opened>();
        running.Say(new Record("running", 1, "n1", 0, 0, SessionHarness.Tokens(0, 32)));
        await running.Hears<Recorded>();

        var mend = breakIt();
        try
        {
            running.Say(new Record("running", 1, "n1", 0, 32, SessionHarness.Tokens(32, 32))); // unanswered
            var refused = await fresh.HearsAfter<OpenRefused>(new Open("fresh", SessionHarness.Request(), fresh.Ref, "n1"));
            Assert.Equal(FailureKind.Unavailable, refused.Kind);
            Assert.Contains("try again", refused.Message, StringComparison.Ordinal);
            await Eventually.Holds(() => node.Health.Problem is not null, "the node says so", 30);
            Assert.DoesNotContain(running.Unheard(), m => m is Recorded); // nothing is acknowledged that is not on disk
        }
        finally
        {
            mend();
        }

        var recorded = await running.HearsAfter<Recorded>(new Record("running", 1, "n1", 0, 32, SessionHarness.Tokens(32, 32)));
        Assert.Equal(64, recorded.Count);
        Assert.Equal(SessionHarness.Tokens(0, 64), (await Known(node, "running")).Choices[0].Tokens);
        Assert.Equal(1, (await fresh.HearsAfter<Opened>(new Open("fresh", SessionHarness.Request(), fresh.Ref, "n1"))).Attempt);
        await Eventually.Holds(() => node.Health.Problem is null, "the node is well", 30);
    }

    private static async Task<Opened> Known(SessionHarness node, string id)
    {
        var stream = node.Stream();
        return await stream.HearsAfter<Opened>(new Attach(id, "", stream.Ref, "n1"));
    }

    private static void Fill(string path)
    {
        using var file = File.Create(path, 1);
        byte[] block = new byte[1024];
        try
        {
            while (file.Length < 1 << 30)
                file.Write(block);
        }
        catch (IOException)
        {
            return; // full
        }
        Assert.Fail("the disk is larger than it was made");
    }

    private static bool Mount(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
