using System.CommandLine;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Node.Console;

/// <summary>Begins an operation and follows it to its end, with the steps on stderr and the outcome on stdout.</summary>
public static class OperationRun
{
    /// <summary>The coordinator ends what takes too long; its word is better than ours.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    /// <param name="cluster">Where else to go on when the asked node is lost.</param>
    /// <param name="limited">The cluster holds the operation to the limit itself.</param>
    /// <exception cref="CommandFailedException">It is refused, fails, or takes too long.</exception>
    public static async Task<int> RunAsync(
        ActingOptions options, ParseResult parsed, ClusterState cluster,
        Func<PanguClient, CancellationToken, IAsyncEnumerable<OperationProgress>> begin, bool limited, CancellationToken stop)
    {
        var limit = options.Limit(parsed);
        using var client = options.Server.OpenAll(parsed, cluster);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(stop);
        late.CancelAfter(limited ? limit + Grace : limit);
        var steps = new Steps(parsed.InvocationConfiguration.Error);
        OperationProgress? last = null;
        try
        {
            await foreach (var now in begin(client, late.Token).ConfigureAwait(false))
            {
                last = now.Operation is null && last is not null ? last : now;
                if (!options.Waits(parsed))
                    break;
                steps.Show(now.Operation);
            }
        }
        catch (Exception ended) when (ended is RpcException or OperationCanceledException && late.IsCancellationRequested)
        {
            throw Left(last?.Operation, stop.IsCancellationRequested, limit);
        }
        catch (RpcException failed)
        {
            throw ServerOptions.Explain(failed, client.Servers, stop.IsCancellationRequested);
        }
        finally
        {
            steps.End();
        }
        return End(options, parsed, last, limited ? limit : TimeSpan.MaxValue);
    }

    private static int End(ActingOptions options, ParseResult parsed, OperationProgress? last, TimeSpan limit)
    {
        var output = parsed.InvocationConfiguration.Output;
        if (last is null)
            throw new CommandFailedException(ExitCodes.Failed, "the cluster did not say what became of it; see 'pangu operations'");
        if (options.Json(parsed))
            output.WriteLine(Output.Json(last));
        if (last.Operation is not { } operation)
        {
            if (!options.Json(parsed))
                output.WriteLine(last.Note.Length > 0 ? "nothing to do: " + last.Note : "nothing to do");
            return ExitCodes.Done;
        }
        string what = $"{OperatorTables.Name(operation)}: {operation.Detail}";
        switch (operation.State)
        {
            case Operation.Types.State.Running:
                if (!options.Json(parsed))
                    output.WriteLine($"{OperatorTables.Name(operation)} has begun; 'pangu operations' shows how it goes on");
                return ExitCodes.Done;
            case Operation.Types.State.Done:
                if (!options.Json(parsed))
                    output.WriteLine("done: " + what);
                return ExitCodes.Done;
            case Operation.Types.State.Failed when operation.EndedUnixMs - operation.StartedUnixMs >= limit.TotalMilliseconds:
                throw new CommandFailedException(ExitCodes.TimedOut, $"timed out: {what}; raise --timeout");
            case Operation.Types.State.Aborted:
                throw new CommandFailedException(ExitCodes.Failed, "aborted: " + what);
            default:
                throw new CommandFailedException(ExitCodes.Failed, "failed: " + what);
        }
    }

    private static CommandFailedException Left(Operation? operation, bool stopping, TimeSpan limit)
    {
        string goesOn = operation is null ? "it may have begun: see 'pangu operations'"
            : $"{OperatorTables.Name(operation)} goes on: 'pangu operations' shows it, 'pangu abort {operation.Id}' ends it";
        return stopping
            ? new CommandFailedException(ExitCodes.Failed, "no longer waiting; " + goesOn)
            : new CommandFailedException(ExitCodes.TimedOut, ActingOptions.Text($"not at its end after {limit.TotalSeconds:0.#} s; {goesOn}"));
    }

    /// <summary>A line per step, drawn over on a terminal.</summary>
    private sealed class Steps(TextWriter error)
    {
        private const int BarWidth = 24;
        private readonly bool _terminal = ReferenceEquals(error, System.Console.Error) && !System.Console.IsErrorRedirected;
        private string _shown = "";

        public void Show(Operation? operation)
        {
            if (operation is null)
                return;
            int done = operation.StepsTotal == 0 ? 0 : Math.Clamp(operation.StepsDone * BarWidth / operation.StepsTotal, 0, BarWidth);
            string bar = _terminal ? $"[{new string('#', done)}{new string('.', BarWidth - done)}] " : "";
            string line = operation.StepsTotal == 0
                ? operation.Detail
                : ActingOptions.Text($"{bar}{operation.StepsDone}/{operation.StepsTotal} {operation.Detail}");
            if (line == _shown)
                return;
            _shown = line;
            if (_terminal)
                error.Write("\r\u001b[K" + (line.Length >= System.Console.WindowWidth ? line[..Math.Max(0, System.Console.WindowWidth - 1)] : line));
            else
                error.WriteLine(line);
        }

        public void End()
        {
            if (_terminal && _shown.Length > 0)
                error.WriteLine();
        }
    }
}
