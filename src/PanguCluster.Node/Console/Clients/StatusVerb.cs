using System.CommandLine;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu status</c>: the cluster at a glance: model, readiness, imbalance, nodes.</summary>
public static class StatusVerb
{
    public static Command Create()
    {
        var server = new ServerOptions();
        var format = Output.FormatOption("table", "json");
        var command = new Command("status", "the cluster at a glance: model, readiness, imbalance, nodes");
        server.AddTo(command);
        command.Options.Add(format);
        command.SetAction(async (parsed, stop) =>
        {
            var cluster = await server.AskAsync(parsed, (client, limit) => client.GetClusterAsync(limit), stop).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
                await output.WriteLineAsync(Output.Json(cluster)).ConfigureAwait(false);
            else
                ClusterTables.Summary(Output.Console(output), cluster);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu status --server 127.0.0.1:7440");
    }
}
