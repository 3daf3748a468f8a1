using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Node.Hosting;
using PanguCluster.Node.Launch;
using PanguCluster.Node.Local;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu up</c>: a whole cluster on this machine, until Ctrl-C.</summary>
public static class UpVerb
{
    /// <summary>A node finishes or cuts its streams, leaves the cluster, and is gone well within this.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);

    public static Command Create()
    {
        var line = new UpCommandLine();
        var command = new Command("up", "run a whole cluster on this machine until Ctrl-C: N serve processes that share the expert groups");
        line.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var settings = line.Read(parsed);
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            await RunAsync(settings, output, error, stop).ConfigureAwait(false);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu up", "pangu up --nodes 3 --model models/pangu-nano --format w8a8", "pangu up --ask \"What is 38+47?\"");
    }

    private static async Task RunAsync(UpSettings settings, TextWriter output, TextWriter error, CancellationToken stop)
    {
        // Packed once here, so that the nodes find it done instead of waiting for each other.
        string model = (await ModelFolders.PackedAsync(settings.Common, error, stop).ConfigureAwait(false)).Folder;
        var ports = FreePorts.Find(settings.Nodes, LocalPlan.PortsPerNode, settings.BasePort, LocalPlan.PortStride);
        using var launched = new LaunchFolder();
        using var cluster = LocalCluster.Start(LocalPlan.Create(ports, settings.SharedArguments(model, launched.Path)), TimeProvider.System);
        try
        {
            await cluster.WaitReadyAsync(settings.StartLimit, picture => error.WriteLine("pangu up: " + picture), stop).ConfigureAwait(false);
            Announce(cluster, output);
            if (settings.Ask is { } question)
                await AskAsync(cluster, question, output, error, stop).ConfigureAwait(false);
            var seen = new List<NodeChild>();
            while (await cluster.NextEndAsync(seen, stop).ConfigureAwait(false) is { } ended)
                await error.WriteLineAsync($"pangu up: {ended.Obituary()}").ConfigureAwait(false);
            // All of its own have gone, killed or scaled in; nodes that were launched since may serve on.
            await launched.EmptyAsync(stop).ConfigureAwait(false);
            throw new CommandFailedException(ExitCodes.Failed, "no node is left");
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await error.WriteLineAsync("pangu up: stopping").ConfigureAwait(false);
        }
        finally
        {
            await Task.WhenAll(
                cluster.StopAsync(StopLimit, report => error.WriteLine("pangu up: " + report)), launched.StopAsync()).ConfigureAwait(false);
        }
    }

    /// <summary>Streams the answer to one message. A question that cannot be answered is reported; the cluster serves on.</summary>
    private static async Task AskAsync(LocalCluster cluster, string question, TextWriter output, TextWriter error, CancellationToken stop)
    {
        var request = new GenerateRequest
        {
            Chat = new Chat { Messages = { new ChatMessage { Role = "user", Content = question } } },
            Sampling = new Sampling { Temperature = 0 },
        };
        using var client = new PanguClient(cluster.Children[0].Node.Grpc.ToString());
        var writer = new TextAnswerWriter(output, ids: false, choices: 1);
        await output.WriteLineAsync($"{output.NewLine}> {question}").ConfigureAwait(false);
        try
        {
            await foreach (var happened in client.GenerateAsync(request, stop).ConfigureAwait(false))
                await writer.WriteAsync(happened).ConfigureAwait(false);
        }
        catch (RpcException failed) when (!stop.IsCancellationRequested)
        {
            await error.WriteLineAsync($"pangu up: --ask: {failed.Status.Detail}").ConfigureAwait(false);
        }
    }

    private static void Announce(LocalCluster cluster, TextWriter output)
    {
        var table = Output.Table("node", "grpc", "http", "process");
        foreach (var child in cluster.Children)
            table.Row(child.Node.Id, child.Node.Grpc.ToString(), child.Node.Http.ToString(), child.ProcessId.ToString(CultureInfo.InvariantCulture));
        Output.Console(output).Write(table);
        string grpc = cluster.Children[0].Node.Grpc.ToString();
        string server = grpc == ServeOptions.DefaultGrpc ? "" : $" --server {grpc}";
        output.WriteLine();
        output.WriteLine($"ready. Ask it something: {Self.Typed()} generate --chat \"What is 38+47?\" --temperature 0{server}");
        output.WriteLine("Ctrl-C stops the cluster.");
        output.Flush();
    }
}
