using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Node.Console;

/// <summary>From what a user types, an id or its beginning, to one recorded session.</summary>
public static class SessionNames
{
    /// <summary>Most candidates that are named when a beginning is that of several sessions.</summary>
    private const int Candidates = 5;

    private const int AllThereAre = 10_000;

    /// <returns>The session of exactly this id, else the only one whose id begins so.</returns>
    /// <exception cref="CommandFailedException">None, or several.</exception>
    public static async Task<Session> FindAsync(PanguClient client, string name, CancellationToken stop)
    {
        if (name.Length == 0)
            throw new CommandFailedException(ExitCodes.Usage, "SESSION: empty; name a session, or the beginning of its id");
        var found = await client.ListSessionsAsync(new ListSessionsRequest { Prefix = name, Limit = Candidates + 1 }, stop).ConfigureAwait(false);
        // A whole id may be the beginning of newer ones.
        if (found.More && found.Sessions.All(s => s.SessionId != name))
            found = await client.ListSessionsAsync(new ListSessionsRequest { Prefix = name, Limit = AllThereAre }, stop).ConfigureAwait(false);
        return Choose(name, found);
    }

    /// <exception cref="CommandFailedException">None, or several.</exception>
    public static Session Choose(string name, ListSessionsResponse found)
    {
        if (found.Sessions.FirstOrDefault(s => s.SessionId == name) is { } exact)
            return exact;
        if (found.Sessions.Count == 0)
            throw new CommandFailedException(ExitCodes.Failed, $"there is no session '{name}'; 'pangu sessions' lists those there are");
        if (found.Sessions.Count == 1)
            return found.Sessions[0];
        string named = string.Join(", ", found.Sessions.Take(Candidates).Select(s => s.SessionId));
        string others = found.More || found.Sessions.Count > Candidates ? $", and others: 'pangu sessions {name}' lists them" : "";
        throw new CommandFailedException(ExitCodes.Usage, $"'{name}' is the beginning of several sessions: {named}{others}");
    }
}
