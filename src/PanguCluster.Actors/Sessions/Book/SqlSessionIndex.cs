using System.Data.Common;
using PanguCluster.Actors.Sessions.Journal;

namespace PanguCluster.Actors.Sessions.Book;

/// <summary>A table of its own in the journal's database; the same SQL for SQLite and PostgreSQL.</summary>
internal sealed class SqlSessionIndex(JournalOptions journal) : ISessionIndex
{
    private const string Columns =
        "session_id, sequence_nr, state, node_id, host, owner, accepted_ms, ended_ms, active_ms, prompt_tokens, choices, generated_tokens, resumes, seed, model_digest";

    /// <summary>Ids compare byte by byte, whatever the database's own language is.</summary>
    private string Schema => $"""
        CREATE TABLE IF NOT EXISTS pangu_session (
          session_id VARCHAR(64) {(journal.Kind == JournalKind.Postgres ? "COLLATE \"C\"" : "")} NOT NULL PRIMARY KEY,
          sequence_nr BIGINT NOT NULL, state INTEGER NOT NULL, node_id TEXT NOT NULL, host TEXT NOT NULL, owner TEXT NOT NULL,
          accepted_ms BIGINT NOT NULL, ended_ms BIGINT, active_ms BIGINT NOT NULL, prompt_tokens INTEGER NOT NULL, choices INTEGER NOT NULL,
          generated_tokens INTEGER NOT NULL, resumes INTEGER NOT NULL, seed BIGINT NOT NULL, model_digest TEXT NOT NULL);
        CREATE INDEX IF NOT EXISTS pangu_session_accepted ON pangu_session (accepted_ms);
        CREATE INDEX IF NOT EXISTS pangu_session_active ON pangu_session (active_ms);
        CREATE INDEX IF NOT EXISTS pangu_session_running ON pangu_session (host) WHERE state = {(int)SessionState.Running};
        """;

    private const string Upsert = $"""
        INSERT INTO pangu_session ({Columns})
        VALUES (@id, @nr, @state, @node, @host, @owner, @accepted, @ended, @active, @prompt, @choices, @generated, @resumes, @seed, @model)
        ON CONFLICT (session_id) DO UPDATE SET sequence_nr = excluded.sequence_nr, state = excluded.state, node_id = excluded.node_id,
          host = excluded.host, ended_ms = excluded.ended_ms, active_ms = excluded.active_ms, generated_tokens = excluded.generated_tokens,
          resumes = excluded.resumes
        WHERE pangu_session.sequence_nr <= excluded.sequence_nr
        """;

    public async Task PrepareAsync(CancellationToken cancellation)
    {
        // The folder or the file may have been out of reach when the node started.
        if (await Task.Run(() => JournalSetup.Prepare(journal), cancellation) is { } problem)
            throw new IOException(problem);
        await OnThread(cancellation, async connection =>
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Schema;
            await command.ExecuteNonQueryAsync(cancellation);
            return 0;
        });
    }

    public Task UpsertAsync(IReadOnlyCollection<SessionRow> rows, CancellationToken cancellation) => OnThread(cancellation, async connection =>
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = Upsert;
        foreach (var row in rows)
        {
            command.Parameters.Clear();
            Bind(command, row);
            await command.ExecuteNonQueryAsync(cancellation);
        }
        await transaction.CommitAsync(cancellation);
        return 0;
    });

    public Task EraseAsync(string sessionId, CancellationToken cancellation) => OnThread(cancellation, async connection =>
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        // The journal keeps the last deleted event to remember its number; of an erased session nothing is to be remembered.
        command.CommandText = "DELETE FROM pangu_session WHERE session_id = @id; DELETE FROM journal WHERE persistence_id = @pid AND deleted";
        Add(command, "@id", sessionId);
        Add(command, "@pid", SessionActor.IdPrefix + sessionId);
        await command.ExecuteNonQueryAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return 0;
    });

    public Task<IReadOnlyList<SessionRow>> ListAsync(string prefix, int limit, CancellationToken cancellation) => OnThread(cancellation, async connection =>
    {
        await using var command = connection.CreateCommand();
        // '~' sorts after everything that ids are made of.
        command.CommandText = $"""
            SELECT {Columns} FROM pangu_session WHERE session_id >= @prefix AND session_id < @end ORDER BY accepted_ms DESC, session_id LIMIT @limit
            """;
        Add(command, "@prefix", prefix);
        Add(command, "@end", prefix + "~");
        Add(command, "@limit", limit);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var rows = new List<SessionRow>();
        while (await reader.ReadAsync(cancellation))
            rows.Add(Row(reader));
        return (IReadOnlyList<SessionRow>)rows;
    });

    public Task<IReadOnlyList<string>> FindDoubtfulAsync(
        DateTimeOffset idleBefore, IReadOnlyCollection<string> hosts, int limit, CancellationToken cancellation)
    {
        string[] names = [.. hosts.Select((_, i) => $"@h{i}")];
        return Ids(
            $"""
            SELECT session_id FROM pangu_session
            WHERE (active_ms < @idle AND state <> @running) OR (state = @running AND host NOT IN ({string.Join(", ", names)}))
            ORDER BY random() LIMIT @limit
            """,
            command =>
            {
                Add(command, "@idle", idleBefore.ToUnixTimeMilliseconds());
                Add(command, "@running", (int)SessionState.Running);
                Add(command, "@limit", limit);
                foreach (var (name, host) in names.Zip(hosts))
                    Add(command, name, host);
            },
            cancellation);
    }

    public Task<IReadOnlyList<string>> FindUnlistedAsync(int limit, CancellationToken cancellation) => Ids(
        $"""
        SELECT substr(persistence_id, @start) FROM (
          SELECT DISTINCT persistence_id FROM journal j WHERE persistence_id LIKE '{SessionActor.IdPrefix}%'
          AND NOT EXISTS (SELECT 1 FROM pangu_session s WHERE s.session_id = substr(j.persistence_id, @start))) unlisted
        ORDER BY random() LIMIT @limit
        """,
        command =>
        {
            Add(command, "@limit", limit);
            Add(command, "@start", SessionActor.IdPrefix.Length + 1);
        },
        cancellation);

    private Task<IReadOnlyList<string>> Ids(string sql, Action<DbCommand> bind, CancellationToken cancellation) => OnThread(cancellation, async connection =>
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        bind(command);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var ids = new List<string>();
        while (await reader.ReadAsync(cancellation))
            ids.Add(reader.GetString(0));
        return (IReadOnlyList<string>)ids;
    });

    /// <summary>SQLite blocks its caller, whatever its methods are called.</summary>
    private Task<T> OnThread<T>(CancellationToken cancellation, Func<DbConnection, Task<T>> work) => Task.Run(
        async () =>
        {
            await using var connection = journal.Connect();
            await connection.OpenAsync(cancellation);
            if (journal.Kind == JournalKind.Sqlite)
            {
                // NORMAL: what is lost with the power is found in the journal again.
                await using var pragmas = connection.CreateCommand();
                pragmas.CommandText = $"PRAGMA busy_timeout={JournalOptions.PatienceSeconds * 1000};PRAGMA synchronous=NORMAL;";
                await pragmas.ExecuteNonQueryAsync(cancellation);
            }
            return await work(connection);
        },
        cancellation);

    private static void Bind(DbCommand command, SessionRow row)
    {
        var s = row.Summary;
        Add(command, "@id", s.SessionId);
        Add(command, "@nr", row.SequenceNr);
        Add(command, "@state", (int)s.State);
        Add(command, "@node", s.NodeId);
        Add(command, "@host", row.Host);
        Add(command, "@owner", s.Owner);
        Add(command, "@accepted", s.Accepted.ToUnixTimeMilliseconds());
        Add(command, "@ended", s.Ended is { } ended ? ended.ToUnixTimeMilliseconds() : DBNull.Value);
        Add(command, "@active", row.ActiveAt.ToUnixTimeMilliseconds());
        Add(command, "@prompt", s.PromptTokens);
        Add(command, "@choices", s.Choices);
        Add(command, "@generated", s.GeneratedTokens);
        Add(command, "@resumes", s.Resumes);
        Add(command, "@seed", unchecked((long)s.Seed));
        Add(command, "@model", s.ModelDigest);
    }

    private static SessionRow Row(DbDataReader r)
    {
        var summary = new SessionSummary(
            r.GetString(0), (SessionState)r.GetInt32(2), r.GetString(3), r.GetString(5), Time(r.GetInt64(6)),
            r.IsDBNull(7) ? null : Time(r.GetInt64(7)), r.GetInt32(9), r.GetInt32(10), r.GetInt32(11), r.GetInt32(12),
            unchecked((ulong)r.GetInt64(13)), r.GetString(14));
        return new SessionRow(summary, r.GetInt64(1), r.GetString(4), Time(r.GetInt64(8)));
    }

    private static DateTimeOffset Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);

    private static void Add(DbCommand command, string name, object value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value;
        command.Parameters.Add(parameter);
    }
}
