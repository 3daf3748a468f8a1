using System.CommandLine;
using Pangu.V1;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>The operator's views of the cluster as one node sees it. As JSON all print the same object; as a table each shows its part.</summary>
public static class ClusterVerbs
{
    public static IEnumerable<Command> Create() =>
    [
        View("status", "the cluster at a glance: model, readiness, imbalance, nodes", ClusterTables.Summary),
        View("nodes", "the nodes: membership, roles, load", ClusterTables.Nodes),
        View("groups", "the expert groups: where each one is, and the rows it has computed", ClusterTables.Groups),
        View("operations", "drains, rebalances and scales: those that run and those that ended last", OperatorTables.Operations),
    ];

    private static Command View(string name, string description, Action<IAnsiConsole, ClusterState> show)
    {
        var server = new ServerOptions();
        var format = Output.FormatOption("table", "json");
        var command = new Command(name, description);
        server.AddTo(command);
        command.Options.Add(format);
        command.SetAction(async (parsed, stop) =>
        {
            var cluster = await server.AskAsync(parsed, (client, limit) => client.GetClusterAsync(limit), stop).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
                await output.WriteLineAsync(Output.Json(cluster)).ConfigureAwait(false);
            else
                show(Output.Console(output), cluster);
            return ExitCodes.Done;
        });
        return command.WithExamples($"pangu {name}", $"pangu {name} --server 127.0.0.1:7440 -o json");
    }
}
