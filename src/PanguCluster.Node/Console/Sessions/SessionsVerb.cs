using System.CommandLine;
using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu sessions</c>: the recorded sessions, newest first.</summary>
public static class SessionsVerb
{
    private static readonly string[] States = ["running", "interrupted", "finished", "cancelled", "failed"];

    public static Command Create()
    {
        var prefix = new Argument<string?>("PREFIX") { Description = "only sessions whose id begins so", Arity = ArgumentArity.ZeroOrOne };
        var state = new Option<string[]>("--state") { Description = "only sessions in this state; may be given several times", HelpName = string.Join('|', States) };
        state.AcceptOnlyFromAmong(States);
        var node = new Option<string?>("--node") { Description = "only sessions of the node whose id begins so", HelpName = "NODE" };
        var limit = new Option<int>("--limit") { Description = "most sessions to list", DefaultValueFactory = _ => 20, HelpName = "N" };
        var server = new ServerOptions();
        var format = Output.FormatOption("table", "json");
        var command = new Command("sessions", "the recorded sessions of the whole cluster, newest first; 'interrupted' ones wait for a resume")
        {
            prefix, state, node, limit, format,
        };
        server.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var request = new ListSessionsRequest
            {
                Prefix = parsed.GetValue(prefix) ?? "", Limit = ClusterLimit(parsed.GetValue(limit)), Node = parsed.GetValue(node) ?? "",
                States = { (parsed.GetValue(state) ?? []).Select(s => Enum.Parse<Session.Types.State>(s, ignoreCase: true)).Distinct() },
            };
            var found = await server.AskAsync(parsed, (client, late) => client.ListSessionsAsync(request, late), stop).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
                await output.WriteLineAsync(Output.Json(found)).ConfigureAwait(false);
            else
                SessionTables.Sessions(Output.Console(output), found.Sessions, TimeProvider.System.GetUtcNow());
            if (found.More)
                await parsed.InvocationConfiguration.Error.WriteLineAsync("there are more sessions: raise --limit, or give a PREFIX").ConfigureAwait(false);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu sessions", "pangu sessions --state running --state interrupted", "pangu sessions 3fa --node node-7442 -o json");
    }

    /// <summary>0 would mean the server's own choice.</summary>
    private static int ClusterLimit(int limit) =>
        limit >= 1 ? limit : throw new CommandFailedException(ExitCodes.Usage, $"--limit {limit}: expected 1 .. {Services.RequestLimits.Sessions}");
}
