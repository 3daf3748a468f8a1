using System.CommandLine;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu events</c>: what happened in the cluster.</summary>
public static class EventsVerb
{
    public static Command Create()
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "go on with events as they happen; Ctrl-C ends it" };
        var since = new Option<string?>("--since") { Description = "only events of the last so long: 90s, 15m, 24h, 7d", HelpName = "TIME" };
        var format = Output.FormatOption("table", "json");
        var server = new ServerOptions();
        var command = new Command("events", "what happened in the cluster, oldest first: joins, losses, re-routes, moves, operations") { follow, since, format };
        server.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            DateTimeOffset? from = parsed.GetValue(since) is { } ago
                ? TimeProvider.System.GetUtcNow() - Duration.InRange("--since", ago, TimeSpan.FromSeconds(1), TimeSpan.FromDays(3650)) : null;
            var output = parsed.InvocationConfiguration.Output;
            bool json = parsed.GetValue(format) == "json";
            if (!parsed.GetValue(follow))
            {
                var all = await server.AskAsync(parsed, (client, late) => client.GetEventsAsync(from, late), stop)
                    .ConfigureAwait(false);
                await PrintAsync(output, json ? null : OperatorTables.EventHeader).ConfigureAwait(false);
                foreach (var happened in all)
                    await PrintAsync(output, json ? Output.Json(happened) : OperatorTables.Event(happened)).ConfigureAwait(false);
                return ExitCodes.Done;
            }
            using var client = server.Open(parsed);
            try
            {
                await PrintAsync(output, json ? null : OperatorTables.EventHeader).ConfigureAwait(false);
                await foreach (var happened in client.WatchEventsAsync(from, stop).ConfigureAwait(false))
                {
                    await PrintAsync(output, json ? Output.Json(happened) : OperatorTables.Event(happened)).ConfigureAwait(false);
                    await output.FlushAsync(stop).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return ExitCodes.Done;
            }
            catch (RpcException failed)
            {
                throw ServerOptions.Explain(failed, client.Servers, stop.IsCancellationRequested);
            }
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu events --since 15m", "pangu events --follow -o json");
    }

    private static Task PrintAsync(TextWriter output, string? line) => line is null ? Task.CompletedTask : output.WriteLineAsync(line);
}
