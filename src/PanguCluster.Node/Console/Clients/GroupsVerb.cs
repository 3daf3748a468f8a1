using System.CommandLine;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu groups</c>: the expert groups: where each one is, and the rows it has computed.</summary>
public static class GroupsVerb
{
    public static Command Create()
    {
        var server = new ServerOptions();
        var format = Output.FormatOption("table", "json");
        var command = new Command("groups", "the expert groups: where each one is, and the rows it has computed");
        server.AddTo(command);
        command.Options.Add(format);
        command.SetAction(async (parsed, stop) =>
        {
            var cluster = await server.AskAsync(parsed, (client, limit) => client.GetClusterAsync(limit), stop).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
                await output.WriteLineAsync(Output.Json(cluster)).ConfigureAwait(false);
            else
                ClusterTables.Groups(Output.Console(output), cluster);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu groups --server 127.0.0.1:7440");
    }
}
