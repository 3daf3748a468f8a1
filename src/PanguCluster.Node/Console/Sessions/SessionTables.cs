using System.Globalization;
using Pangu.V1;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>Recorded sessions in a table.</summary>
public static class SessionTables
{
    public static void Sessions(IAnsiConsole console, IEnumerable<Session> sessions, DateTimeOffset now)
    {
        var table = Output.Table("session", "state", "node", "prompt", "tokens", "choices", "resumes", "age", "owner");
        foreach (var session in sessions)
            table.Row(session.SessionId, StateOf(session), Or(session.Node), Number(session.PromptTokens), Number(session.GeneratedTokens),
                Number(session.Choices), Number(session.Resumes), Age(now - DateTimeOffset.FromUnixTimeMilliseconds(session.AcceptedUnixMs)),
                Or(session.Owner));
        console.Write(table);
    }

    public static string StateOf(Session session) => session.State.ToString().ToLowerInvariant();

    /// <summary>In the two largest units that say something, like kubectl: 40s, 5m10s, 3h20m, 2d4h.</summary>
    public static string Age(TimeSpan age)
    {
        // The clocks of two machines differ by a little.
        if (age < TimeSpan.Zero)
            age = TimeSpan.Zero;
        return age switch
        {
            { TotalMinutes: < 2 } => $"{Number((long)age.TotalSeconds)}s",
            { TotalMinutes: < 10 } => $"{Number(age.Minutes)}m{Number(age.Seconds)}s",
            { TotalHours: < 2 } => $"{Number((long)age.TotalMinutes)}m",
            { TotalHours: < 10 } => $"{Number(age.Hours)}h{Number(age.Minutes)}m",
            { TotalHours: < 48 } => $"{Number((long)age.TotalHours)}h",
            _ => $"{Number(age.Days)}d{Number(age.Hours)}h",
        };
    }

    private static string Or(string text) => text.Length > 0 ? text : "-";

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
