using System.CommandLine;
using System.Text.Json;
using Grpc.Core;
using PanguCluster.Node.Bench;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu bench</c>: this machine's limits, then prefill, decode and attention as fractions of them; or a running cluster under load.</summary>
public static class BenchVerb
{
    public static Command Create()
    {
        var options = new BenchOptions();
        var output = Output.FormatOption("table", "json");
        var command = new Command("bench", "measure this machine, then prefill, decode and attention, each as a fraction of the limit that binds it");
        var load = new LoadOptions();
        options.AddTo(command);
        load.AddTo(command);
        command.Options.Add(output);
        command.SetAction(async (parsed, stop) =>
        {
            bool json = parsed.GetValue(output) == "json";
            var invocation = parsed.InvocationConfiguration;
            // A file that cannot be written is told at once, not after minutes.
            if (parsed.GetValue(options.Out) is { } file)
                File.Open(file, FileMode.Append).Dispose();
            if (load.Read(parsed, options.OfThisMachine) is not { } asked)
                return RunHere(options.Read(parsed), json, invocation, stop);
            var report = await LoadAsync(asked.Plan, asked.Servers, invocation.Error, stop).ConfigureAwait(false);
            Write(
                report, parsed.GetValue(options.Out), json, invocation.Output, console => LoadTables.Write(console, report));
            // The report is worth having, but a script must see that something failed.
            return report.Completed == asked.Plan.Requests ? ExitCodes.Done : ExitCodes.Failed;
        });
        return command.WithExamples(
            "pangu bench --model models/pangu-nano --format w8a8", "pangu bench --shape pangu-pro --threads 2 -o json",
            "pangu bench --shape small --out before.json", "pangu bench --shape small --compare before.json",
            "pangu bench --shape pangu-pro --layers 2 --against-dense",
            "pangu bench --server 127.0.0.1:7440 --clients 16 --requests 200 --max-tokens 64 --prompt-tokens 128");
    }

    private static int RunHere(BenchSettings settings, bool json, InvocationConfiguration invocation, CancellationToken stop)
    {
        var report = new BenchSession(settings, TimeProvider.System, invocation.Error, stop).Run();
        Write(report, settings.Out, json, invocation.Output, console => BenchTables.Write(console, report));
        return ExitCodes.Done;
    }

    private static async Task<LoadReport> LoadAsync(LoadPlan plan, IReadOnlyList<string> servers, TextWriter error, CancellationToken stop)
    {
        var test = new LoadTest(plan, () => ServerOptions.Open(servers), TimeProvider.System);
        // A line per tenth: clients end requests at once, and a bar is not for several writers.
        int tenths = 0;
        var writing = new Lock();
        try
        {
            return await test.RunAsync((done, all) =>
            {
                lock (writing)
                    if (done * 10L / all > tenths)
                        error.WriteLine($"loading {(tenths = (int)(done * 10L / all)) * 10} %");
            }, stop).ConfigureAwait(false);
        }
        catch (RpcException failed)
        {
            throw ServerOptions.Explain(failed, servers, stop.IsCancellationRequested);
        }
        catch (TimeoutException late)
        {
            throw new CommandFailedException(ExitCodes.TimedOut, $"{string.Join(", ", servers)}: {late.Message}");
        }
    }

    private static void Write<T>(T report, string? file, bool json, TextWriter output, Action<IAnsiConsole> table)
    {
        string text = JsonSerializer.Serialize(report, BenchJson.Options);
        if (file is not null)
            File.WriteAllText(file, text + "\n");
        if (json)
            output.WriteLine(text);
        else
            table(Output.Console(output));
    }
}
