using System.CommandLine;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu nodes</c>: the nodes: membership, roles, load.</summary>
public static class NodesVerb
{
    public static Command Create()
    {
        var server = new ServerOptions();
        var format = Output.FormatOption("table", "json");
        var command = new Command("nodes", "the nodes: membership, roles, load");
        server.AddTo(command);
        command.Options.Add(format);
        command.SetAction(async (parsed, stop) =>
        {
            var cluster = await server.AskAsync(parsed, (client, limit) => client.GetClusterAsync(limit), stop).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
                await output.WriteLineAsync(Output.Json(cluster)).ConfigureAwait(false);
            else
                ClusterTables.Nodes(Output.Console(output), cluster);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu nodes -o json");
    }
}
