using PanguCluster.Chaos.Processes;
using PanguCluster.Actors.Sessions.Journal;
using Xunit;

namespace PanguCluster.Actors.Tests.Sessions.Databases;

/// <summary>A journal of its own for every test of a suite.</summary>
public interface IJournals : IDisposable
{
    JournalOptions Create();
}

public sealed class MemoryJournals : IJournals
{
    public JournalOptions Create() => JournalOptions.Memory;

    public void Dispose()
    {
    }
}

public sealed class SqliteJournals : IJournals
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pangu-sessions-").FullName;

    public JournalOptions Create() => JournalOptions.Sqlite(Path.Combine(_folder, Guid.NewGuid().ToString("N"), JournalOptions.FileName));

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }
}

public sealed class PostgresJournals : IJournals
{
    private readonly Lazy<PostgresServer> _server = new(PostgresServer.Start);

    public PostgresServer Server
    {
        get
        {
            // Everybody's own machine may lack it; the project's own run must not.
            Assert.SkipWhen(PostgresServer.FindBinaries() is null && Environment.GetEnvironmentVariable("CI") != "true", "PostgreSQL is not installed");
            return _server.Value;
        }
    }

    public JournalOptions Create() => JournalOptions.Postgres(Server.ConnectionString(Server.CreateDatabase()));

    public void Dispose()
    {
        Npgsql.NpgsqlConnection.ClearAllPools();
        if (_server.IsValueCreated)
            _server.Value.Dispose();
    }
}
