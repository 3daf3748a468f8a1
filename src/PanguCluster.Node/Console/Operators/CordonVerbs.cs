using System.CommandLine;
using Google.Protobuf;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu cordon</c> and <c>pangu uncordon</c>.</summary>
public static class CordonVerbs
{
    public static IEnumerable<Command> Create() =>
    [
        Verb("cordon", "the node keeps what it has and takes no new groups and sequences", "takes no new groups and sequences; what it has it keeps",
            async (client, node, late) => { var done = await client.CordonAsync(node, late).ConfigureAwait(false); return (done, done.Note); }),
        Verb("uncordon", "take a cordon back: the node takes groups and sequences again", "takes groups and sequences again",
            async (client, node, late) => { var done = await client.UncordonAsync(node, late).ConfigureAwait(false); return (done, done.Note); }),
    ];

    private static Command Verb(
        string name, string description, string effect, Func<PanguClient, string, CancellationToken, Task<(IMessage Answer, string Note)>> act)
    {
        var node = new Argument<string>("NODE") { Description = "id of a node, or its unambiguous beginning" };
        var yes = new Option<bool>("--yes", "-y") { Description = "do not ask" };
        var format = Output.FormatOption("table", "json");
        var server = new ServerOptions();
        var command = new Command(name, description) { node, yes, format };
        server.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            bool json = parsed.GetValue(format) == "json";
            var output = parsed.InvocationConfiguration.Output;
            var cluster = await server.AskAsync(parsed, (client, late) => client.GetClusterAsync(late), stop).ConfigureAwait(false);
            string id = NodeNames.Find(cluster, parsed.GetRequiredValue(node)).Id;
            await Confirmation.AskAsync(json ? parsed.InvocationConfiguration.Error : output, $"node {id}: {effect}", parsed.GetValue(yes), stop)
                .ConfigureAwait(false);
            var (answer, note) = await server.AskAsync(parsed, (client, late) => act(client, id, late), stop).ConfigureAwait(false);
            await output.WriteLineAsync(json ? Output.Json(answer) : note.Length > 0 ? note : $"node {id} is {name}ed").ConfigureAwait(false);
            return ExitCodes.Done;
        });
        return command.WithExamples($"pangu {name} node-2", $"pangu {name} node-2 --yes -o json");
    }
}
