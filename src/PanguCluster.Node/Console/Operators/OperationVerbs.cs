using System.CommandLine;
using Pangu.V1;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>The verbs that begin operations, and the one that ends them.</summary>
public static class OperationVerbs
{
    private const string WaitMeaning = "stop waiting after so long, with exit code 5; the operation goes on";

    public static IEnumerable<Command> Create() => [Drain(), Rebalance(), Scale(), Abort()];

    private static Command Drain()
    {
        var node = new Argument<string>("NODE") { Description = "id of a node, or its unambiguous beginning" };
        var leave = new Option<bool>("--leave") { Description = "the node leaves the cluster when it is empty, and its process ends" };
        var options = new ActingOptions("10m", "longest time it may take; the node is uncordoned again if it takes longer");
        var command = new Command("drain", "move everything away from a node: groups, streams, sessions; it stays a member, cordoned") { node, leave };
        options.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var limit = options.Limit(parsed);
            bool leaves = parsed.GetValue(leave);
            var cluster = await options.ClusterAsync(parsed, stop).ConfigureAwait(false);
            var found = NodeNames.Find(cluster, parsed.GetRequiredValue(node));
            string plan = ActingOptions.Text(
                $"node {found.Id}: its {found.Groups.Count} groups and {found.Load?.Running ?? 0} running sequences move away within {limit.TotalSeconds:0} s; then it {(leaves ? "leaves the cluster and ends" : "stays, cordoned")}");
            await Confirmation.AskAsync(options.Talk(parsed), plan, options.Yes(parsed), stop).ConfigureAwait(false);
            var request = new DrainRequest { Node = found.Id, TimeoutSeconds = (int)Math.Ceiling(limit.TotalSeconds), Leave = leaves };
            return await OperationRun.RunAsync(options, parsed, cluster, (client, late) => client.DrainAsync(request, late), limited: true, stop)
                .ConfigureAwait(false);
        });
        return command.WithExamples("pangu drain node-2", "pangu drain node-2 --leave --timeout 5m --yes");
    }

    private static Command Rebalance()
    {
        var simulate = new Option<bool>("--simulate") { Description = "print the moves it would make, and change nothing" };
        var options = new ActingOptions("1h", WaitMeaning);
        var command = new Command("rebalance", "move groups until the nodes have equal numbers of them") { simulate };
        options.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            options.Limit(parsed);
            var plan = await options.AskAsync(parsed, (client, late) => client.SimulateRebalanceAsync(late), stop).ConfigureAwait(false);
            if (parsed.GetValue(simulate))
            {
                if (options.Json(parsed))
                    await parsed.InvocationConfiguration.Output.WriteLineAsync(Output.Json(plan)).ConfigureAwait(false);
                else
                    OperatorTables.Plan(Output.Console(parsed.InvocationConfiguration.Output), plan);
                return ExitCodes.Done;
            }
            if (plan.Moves.Count > 0)
            {
                OperatorTables.Plan(Output.Console(options.Talk(parsed)), plan);
                await Confirmation.AskAsync(options.Talk(parsed), "rebalance: these moves will be made", options.Yes(parsed), stop).ConfigureAwait(false);
            }
            var cluster = await options.ClusterAsync(parsed, stop).ConfigureAwait(false);
            return await OperationRun.RunAsync(options, parsed, cluster, (client, late) => client.RebalanceAsync(late), limited: false, stop)
                .ConfigureAwait(false);
        });
        return command.WithExamples("pangu rebalance --simulate", "pangu rebalance --yes --no-wait");
    }

    private static Command Scale()
    {
        var nodes = new Argument<int>("N") { Description = "nodes that there shall be" };
        var options = new ActingOptions("1h", WaitMeaning);
        var command = new Command("scale", "start nodes, or drain and stop them, until there are N; takes the place of a scale that still runs") { nodes };
        options.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            int wanted = parsed.GetValue(nodes);
            if (wanted is < 1 or > Services.RequestLimits.Nodes)
                throw new CommandFailedException(ExitCodes.Usage, ActingOptions.Text($"N {wanted}: expected 1 .. {Services.RequestLimits.Nodes}"));
            options.Limit(parsed);
            var cluster = await options.ClusterAsync(parsed, stop).ConfigureAwait(false);
            int now = cluster.Nodes.Count(n => n.Status is "Up" or "Joining" or "WeaklyUp");
            string effect = wanted > now ? $"{wanted - now} will be started" : wanted < now ? $"{now - wanted} will be drained and stopped" : "as many as there are";
            await Confirmation.AskAsync(options.Talk(parsed), ActingOptions.Text($"scale from {now} to {wanted} nodes: {effect}"), options.Yes(parsed), stop)
                .ConfigureAwait(false);
            return await OperationRun.RunAsync(options, parsed, cluster, (client, late) => client.ScaleAsync(wanted, late), limited: false, stop)
                .ConfigureAwait(false);
        });
        return command.WithExamples("pangu scale 4", "pangu scale 2 --yes --timeout 10m -o json");
    }

    private static Command Abort()
    {
        var operation = new Argument<string>("OPERATION") { Description = "id of an operation, or its unambiguous beginning: see 'pangu operations'" };
        var yes = new Option<bool>("--yes", "-y") { Description = "do not ask" };
        var format = Output.FormatOption("table", "json");
        var server = new ServerOptions();
        var command = new Command("abort", "end a running operation where it is: what it has moved stays moved") { operation, yes, format };
        server.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            bool json = parsed.GetValue(format) == "json";
            var output = parsed.InvocationConfiguration.Output;
            var cluster = await server.AskAsync(parsed, (client, late) => client.GetClusterAsync(late), stop).ConfigureAwait(false);
            var found = OperationNames.Find(cluster, parsed.GetRequiredValue(operation));
            // One that the asked node does not know of may be a moment old: the coordinator knows.
            string id = found?.Id ?? parsed.GetRequiredValue(operation);
            string name = found is null ? "operation " + id : OperatorTables.Name(found);
            if (found is null or { State: Operation.Types.State.Running })
                await Confirmation.AskAsync(
                    json ? parsed.InvocationConfiguration.Error : output, $"{name}: will be ended where it is", parsed.GetValue(yes), stop).ConfigureAwait(false);
            var answer = await server.AskAsync(parsed, (client, late) => client.AbortOperationAsync(id, late), stop).ConfigureAwait(false);
            await output.WriteLineAsync(
                json ? Output.Json(answer) : answer.Note.Length > 0 ? answer.Note : $"{name} is aborted")
                .ConfigureAwait(false);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu abort 3fa8", "pangu abort 3fa8 --yes -o json");
    }
}
