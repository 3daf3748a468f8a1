using Akka.Actor;
using Microsoft.Data.Sqlite;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Wire;

namespace PanguCluster.Integration.Tests.Processes;

/// <summary>Changes what a SQLite journal has recorded, as a damaged disk or a wrong kernel would have: the fault that <c>verify</c> is there to find.</summary>
internal static class JournalTampering
{
    /// <summary>Replaces one recorded token of a session's first choice by its neighbour; no node may have the session in memory.</summary>
    /// <returns>The recorded id as it is now.</returns>
    public static int ChangeToken(string file, string sessionId, int index)
    {
        using var system = ActorSystem.Create("tampering");
        var serializer = new SessionJournalSerializer((ExtendedActorSystem)system);
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        connection.Open();
        foreach (var (ordering, manifest, message) in Events(connection, sessionId))
        {
            int? changed = null;
            object edited = serializer.FromBinary(message, manifest) switch
            {
                TokensRecorded e when e.Choice == 0 => e with { Tokens = Edit(e.Tokens, index - e.FirstIndex, ref changed) },
                ChoiceEnded e when e.Choice == 0 => e with { Tokens = Edit(e.Tokens, index - e.FirstIndex, ref changed) },
                SessionSnapshot s => s with { Choices = [s.Choices[0] with { Tokens = Edit(s.Choices[0].Tokens, index, ref changed) }, .. s.Choices.Skip(1)] },
                var other => other,
            };
            if (changed is not { } id)
                continue;
            Replace(connection, ordering, serializer.ToBinary(edited));
            return id;
        }
        throw new InvalidOperationException($"token {index} of session {sessionId} is not in {file}");
    }

    /// <summary>Replaces every recorded event of a session; no node may have the session in memory.</summary>
    public static void Damage(string file, string sessionId, Func<byte[], byte[]> damage)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        connection.Open();
        foreach (var (ordering, _, message) in Events(connection, sessionId))
            Replace(connection, ordering, damage(message));
    }

    private static void Replace(SqliteConnection connection, long ordering, byte[] message)
    {
        using var update = connection.CreateCommand();
        update.CommandText = "UPDATE journal SET message = @message WHERE ordering = @ordering";
        update.Parameters.AddWithValue("@message", message);
        update.Parameters.AddWithValue("@ordering", ordering);
        update.ExecuteNonQuery();
    }

    private static List<(long Ordering, string Manifest, byte[] Message)> Events(SqliteConnection connection, string sessionId)
    {
        using var select = connection.CreateCommand();
        select.CommandText = "SELECT ordering, manifest, message FROM journal WHERE persistence_id = @id AND NOT deleted ORDER BY sequence_number";
        select.Parameters.AddWithValue("@id", "session-" + sessionId);
        using var reader = select.ExecuteReader();
        var events = new List<(long, string, byte[])>();
        while (reader.Read())
            events.Add((reader.GetInt64(0), reader.GetString(1), (byte[])reader[2]));
        return events;
    }

    private static IReadOnlyList<RecordedToken> Edit(IReadOnlyList<RecordedToken> tokens, int at, ref int? changed)
    {
        if (at < 0 || at >= tokens.Count)
            return tokens;
        changed = tokens[at].TokenId + 1;
        return [.. tokens.Take(at), tokens[at] with { TokenId = changed.Value }, .. tokens.Skip(at + 1)];
    }
}
