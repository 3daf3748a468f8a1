using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace PanguCluster.Actors.Sessions.Journal;

public enum JournalKind
{
    /// <summary>Gone with the process: for tests and comparisons.</summary>
    Memory,

    /// <summary>One file, shared by the node processes of one machine.</summary>
    Sqlite,

    /// <summary>For clusters over several machines.</summary>
    Postgres,
}

/// <summary>Where sessions are recorded. Shows no secrets when it is printed.</summary>
public sealed class JournalOptions
{
    public const string FileName = "sessions.db";

    /// <summary>Longest wait for the database, in seconds: a new request is refused soon after.</summary>
    public const int PatienceSeconds = 4;

    /// <summary>Of one node to PostgreSQL, unless the connection string says how many.</summary>
    public const int MaxConnections = 16;

    private JournalOptions(JournalKind kind, string connectionString, string place)
    {
        Kind = kind;
        ConnectionString = connectionString;
        Place = place;
    }

    public JournalKind Kind { get; }

    /// <summary>A file, or host, port and database: fit to be shown.</summary>
    public string Place { get; }

    /// <summary>May hold a password: never logged.</summary>
    internal string ConnectionString { get; }

    public static JournalOptions Memory { get; } = new(JournalKind.Memory, "", "memory");

    public static JournalOptions Sqlite(string file) => new(
        JournalKind.Sqlite,
        new SqliteConnectionStringBuilder { DataSource = file, DefaultTimeout = PatienceSeconds }.ToString(),
        file);

    /// <param name="connection">An Npgsql connection string, or postgres://user:password@host:port/database?key=value.</param>
    /// <exception cref="ArgumentException">It is neither; the message does not repeat it.</exception>
    public static JournalOptions Postgres(string connection)
    {
        NpgsqlConnectionStringBuilder builder;
        try
        {
            builder = connection.Contains("://", StringComparison.Ordinal) ? FromUri(connection) : new NpgsqlConnectionStringBuilder(connection);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException)
        {
            throw new ArgumentException("is no PostgreSQL connection: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE or Host=...;Database=...;Username=...");
        }
        if (string.IsNullOrEmpty(builder.Host))
            throw new ArgumentException("names no host: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE or Host=...;Database=...;Username=...");
        builder.Timeout = Math.Min(builder.Timeout, PatienceSeconds);
        builder.CommandTimeout = PatienceSeconds;
        // Many sessions wake at once when a node is lost; PostgreSQL itself has 100 connections for all nodes.
        if (builder.MaxPoolSize == new NpgsqlConnectionStringBuilder().MaxPoolSize)
            builder.MaxPoolSize = MaxConnections;
        builder.CancellationTimeout = 1000;
        builder.ApplicationName ??= "pangu";
        builder.PersistSecurityInfo = false;
        builder.IncludeErrorDetail = false;
        return new JournalOptions(JournalKind.Postgres, builder.ToString(), $"{builder.Host}:{builder.Port}/{builder.Database ?? builder.Username}");
    }

    /// <param name="text">sqlite, sqlite:FILE, memory, or as <see cref="Postgres"/> takes it.</param>
    /// <param name="dataFolder">Where <see cref="FileName"/> lies by default.</param>
    /// <exception cref="ArgumentException">It is none of them; the message does not repeat it, because it may hold a password.</exception>
    public static JournalOptions Parse(string text, string dataFolder)
    {
        if (text == "memory")
            return Memory;
        if (text == "sqlite")
            return Sqlite(Path.Combine(dataFolder, FileName));
        if (text.StartsWith("sqlite:", StringComparison.Ordinal) && text.Length > "sqlite:".Length)
            return Sqlite(Path.GetFullPath(text["sqlite:".Length..]));
        if (text.StartsWith("postgres://", StringComparison.Ordinal) || text.StartsWith("postgresql://", StringComparison.Ordinal) || text.Contains('='))
            return Postgres(text);
        throw new ArgumentException("is not known: expected sqlite, sqlite:FILE, postgres://USER:PASSWORD@HOST:PORT/DATABASE, an Npgsql connection string, or memory");
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is JournalOptions other && Kind == other.Kind && ConnectionString == other.ConnectionString;

    public override int GetHashCode() => ConnectionString.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Kind == JournalKind.Memory ? Place : $"{Kind.ToString().ToLowerInvariant()} {Place}";

    private static NpgsqlConnectionStringBuilder FromUri(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("postgres" or "postgresql"))
            throw new FormatException();
        var builder = new NpgsqlConnectionStringBuilder { Host = uri.Host };
        if (uri.Port > 0)
            builder.Port = uri.Port;
        string[] user = uri.UserInfo.Split(':', 2);
        if (user[0].Length > 0)
            builder.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length == 2)
            builder.Password = Uri.UnescapeDataString(user[1]);
        if (uri.AbsolutePath.Length > 1)
            builder.Database = Uri.UnescapeDataString(uri.AbsolutePath[1..]);
        foreach (string pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = pair.Split('=', 2);
            string key = Uri.UnescapeDataString(parts[0]);
            // libpq's name for it.
            builder[key == "sslmode" ? "SSL Mode" : key] = parts.Length == 2 ? Uri.UnescapeDataString(parts[1]) : "";
        }
        return builder;
    }

    /// <summary>A connection with this journal's settings; not open.</summary>
    internal DbConnection Connect() => Kind switch
    {
        JournalKind.Sqlite => new SqliteConnection(ConnectionString),
        JournalKind.Postgres => new NpgsqlConnection(ConnectionString),
        _ => throw new InvalidOperationException("the memory journal has no connection"),
    };
}
