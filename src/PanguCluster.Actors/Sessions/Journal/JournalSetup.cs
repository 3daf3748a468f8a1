using System.Data.Common;
using System.Text;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Persistence.Sql;
using Akka.Persistence.Sql.Config;
using LinqToDB;
using LinqToDB.Data;
using LinqToDB.DataProvider;

namespace PanguCluster.Actors.Sessions.Journal;

/// <summary>
/// Akka.Persistence on the database of <see cref="JournalOptions"/>: HOCON for what is public, a setup for the connection, which is not.
/// </summary>
internal static class JournalSetup
{
    public const string Dispatcher = "pangu.journal-dispatcher";

    /// <summary>One writes, the others read: with write-ahead logging they do not wait for each other.</summary>
    private static readonly BlockingThreads SqliteThreads = new("pangu-sqlite", 4);

    /// <summary>
    /// On every connection. FULL: a commit is on the disk when it returns. The wait for another process' write is SQLite's own (which looks again within
    /// milliseconds), not the provider's, which sleeps 150 ms at a time.
    /// </summary>
    private static readonly string SqlitePragmas = $"PRAGMA busy_timeout={JournalOptions.PatienceSeconds * 1000};PRAGMA synchronous=FULL;";

    public static Config Hocon(JournalOptions journal)
    {
        // Snapshots are events; Akka wants a store for them all the same.
        var snapshots = ConfigurationFactory.ParseString("akka.persistence.snapshot-store.plugin = \"akka.persistence.snapshot-store.inmem\"");
        if (journal.Kind == JournalKind.Memory)
            return ConfigurationFactory.ParseString("akka.persistence.journal.plugin = \"akka.persistence.journal.inmem\"").WithFallback(snapshots);
        string provider = Provider(journal.Kind);
        var text = new StringBuilder();
        text.AppendLine($$"""
            akka.persistence.journal.plugin = "akka.persistence.journal.sql"
            {{Dispatcher}} {
              type = ForkJoinDispatcher
              throughput = 10
              dedicated-thread-pool.thread-count = 2
              dedicated-thread-pool.threadtype = background
            }
            """);
        text.AppendLine($$"""
            akka.persistence.journal.sql {
              provider-name = "{{provider}}"
              auto-initialize = on
              plugin-dispatcher = "{{Dispatcher}}"
              materializer-dispatcher = "{{Dispatcher}}"
              # One writer: while it waits for the disk, the next batch gathers. More would wait for each other.
              parallelism = {{(journal.Kind == JournalKind.Sqlite ? 1 : 2)}}
              batch-size = 400
              tag-write-mode = Csv
              recovery-event-timeout = {{JournalOptions.PatienceSeconds + 1}}s
              circuit-breaker.max-failures = 5
              circuit-breaker.call-timeout = {{JournalOptions.PatienceSeconds + 1}}s
              circuit-breaker.reset-timeout = 1s
              # The plugin's writer ids are those of processes: the filter would drop every event of a session that came back to a node it had left. Two writers of
              # one session are kept apart by the table's unique key (persistence_id, sequence_number).
              replay-filter.mode = off
            }
            """);
        if (journal.Kind == JournalKind.Sqlite)
            // The provider begins a transaction by taking the write lock, unless it may read uncommitted; in WAL it still reads what is committed.
            text.AppendLine("akka.persistence.journal.sql.read-isolation-level = read-uncommitted");
        return ConfigurationFactory.ParseString(text.ToString()).WithFallback(snapshots).WithFallback(SqlPersistence.DefaultConfiguration);
    }

    /// <summary>Null: the journal needs none.</summary>
    public static Setup? Of(JournalOptions journal)
    {
        if (journal.Kind == JournalKind.Memory)
            return null;
        var options = new DataOptions().UseConnectionString(Provider(journal.Kind), journal.ConnectionString);
        if (journal.Kind == JournalKind.Sqlite)
            options = options.UseAfterConnectionOpened(
                connection => Execute(connection, SqlitePragmas),
                async (connection, _) =>
                {
                    // The plugin's own thread must not wait for the disk: then no batch could gather, and every event would be a commit of its own.
                    await SqliteThreads.Enter();
                    Execute(connection, SqlitePragmas);
                });
        return new DataOptionsSetup(options);
    }

    /// <summary>
    /// Before the actor system starts, and until it succeeds: the file, its folder, and write-ahead logging, which the file remembers. A database that cannot be had
    /// now is no reason not to start.
    /// </summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Prepare(JournalOptions journal)
    {
        if (journal.Kind != JournalKind.Sqlite)
            return null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(journal.Place)!);
            CreatePrivate(journal.Place);
            using var connection = journal.Connect();
            connection.Open();
            Execute(connection, $"PRAGMA busy_timeout={JournalOptions.PatienceSeconds * 1000};PRAGMA journal_mode=WAL;");
            return null;
        }
        catch (Exception e) when (e is DbException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>Prompts are in it: for this user alone, and SQLite gives its other files the same mode. An empty file is an empty database.</summary>
    private static void CreatePrivate(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            new FileStream(path, options).Dispose();
        }
        catch (IOException) when (File.Exists(path))
        {
            return; // it keeps the mode it has
        }
    }

    private static string Provider(JournalKind kind) => kind == JournalKind.Sqlite ? ProviderName.SQLiteMS : ProviderName.PostgreSQL15;

    private static void Execute(DbConnection connection, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }
}
