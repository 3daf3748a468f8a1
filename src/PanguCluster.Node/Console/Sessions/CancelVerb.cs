using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu cancel</c>: ends a session.</summary>
public static class CancelVerb
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    public static Command Create()
    {
        var session = new Argument<string>("SESSION") { Description = "id of a session, or its unambiguous beginning" };
        var yes = new Option<bool>("--yes", "-y") { Description = "do not ask" };
        var server = new ServerOptions();
        var command = new Command("cancel", "end a session: its streams finish with the reason 'cancelled', its memory is free at once") { session, yes };
        server.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            string name = parsed.GetRequiredValue(session);
            if (await FindAsync(server, parsed, name, stop).ConfigureAwait(false) is not { } found)
            {
                // Not an operator: a client ends its own sessions, by their whole names.
                await Confirmation.AskAsync(output, $"session {name}: will be cancelled", parsed.GetValue(yes), stop).ConfigureAwait(false);
                await server.AskAsync(parsed, async (client, late) => { await client.CancelAsync(name, late).ConfigureAwait(false); return true; }, stop)
                    .ConfigureAwait(false);
                await output.WriteLineAsync($"session {name} does not run any more").ConfigureAwait(false);
                return ExitCodes.Done;
            }
            if (HasEnded(found))
            {
                await output.WriteLineAsync($"session {found.SessionId} has ended already ({SessionTables.StateOf(found)}): nothing is done").ConfigureAwait(false);
                return ExitCodes.Done;
            }
            await Confirmation.AskAsync(output, Plan(found), parsed.GetValue(yes), stop).ConfigureAwait(false);
            var ended = await server.AskAsync(parsed, (client, late) => EndAsync(client, found.SessionId, late), stop).ConfigureAwait(false);
            await output.WriteLineAsync($"session {ended.SessionId} is {SessionTables.StateOf(ended)}").ConfigureAwait(false);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu cancel 3fa8", "pangu cancel my-request --yes --server 127.0.0.1:7440");
    }

    /// <summary>What will be done, in one line.</summary>
    public static string Plan(Session session) => string.Create(
        CultureInfo.InvariantCulture,
        $"session {session.SessionId} ({SessionTables.StateOf(session)} on {session.Node}, {session.GeneratedTokens} tokens recorded{(session.Owner.Length > 0 ? ", owner " + session.Owner : "")}): will be cancelled");

    /// <returns>Null: this caller may not look at sessions.</returns>
    private static Task<Session?> FindAsync(ServerOptions server, ParseResult parsed, string name, CancellationToken stop) =>
        server.AskAsync(
            parsed,
            async (client, late) =>
            {
                try
                {
                    return await SessionNames.FindAsync(client, name, late).ConfigureAwait(false);
                }
                catch (RpcException denied) when (denied.StatusCode == StatusCode.PermissionDenied)
                {
                    return (Session?)null;
                }
            },
            stop);

    /// <summary>Cancels, and waits until the record says so.</summary>
    private static async Task<Session> EndAsync(PanguClient client, string id, CancellationToken late)
    {
        await client.CancelSessionAsync(id, late).ConfigureAwait(false);
        while (true)
        {
            var session = await SessionNames.FindAsync(client, id, late).ConfigureAwait(false);
            if (HasEnded(session))
                return session;
            await Task.Delay(Poll, late).ConfigureAwait(false);
        }
    }

    private static bool HasEnded(Session session) =>
        session.State is not (Session.Types.State.Running or Session.Types.State.Interrupted or Session.Types.State.Unspecified);
}
