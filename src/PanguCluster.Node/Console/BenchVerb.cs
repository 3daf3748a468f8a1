using System.CommandLine;
using System.Text.Json;
using PanguCluster.Node.Bench;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu bench</c>: this machine's limits, then prefill, decode and attention as fractions of them.</summary>
public static class BenchVerb
{
    public static Command Create()
    {
        var options = new BenchOptions();
        var output = Output.FormatOption("table", "json");
        var command = new Command("bench", "measure this machine, then prefill, decode and attention, each as a fraction of the limit that binds it");
        options.AddTo(command);
        command.Options.Add(output);
        command.SetAction((parsed, stop) =>
        {
            var settings = options.Read(parsed, parsed.GetValue(output) == "json");
            RunHere(settings, parsed.InvocationConfiguration, stop);
            return Task.FromResult(ExitCodes.Done);
        });
        return command.WithExamples(
            "pangu bench --model models/pangu-nano --format w8a8", "pangu bench --shape pangu-pro --threads 2 -o json",
            "pangu bench --shape small --out before.json", "pangu bench --shape small --compare before.json",
            "pangu bench --shape pangu-pro --layers 2 --against-dense");
    }

    private static void RunHere(BenchSettings settings, InvocationConfiguration invocation, CancellationToken stop)
    {
        var report = new BenchSession(settings, TimeProvider.System, invocation.Error, stop).Run();
        string json = JsonSerializer.Serialize(report, BenchJson.Options);
        if (settings.Out is { } file)
            File.WriteAllText(file, json + "\n");
        if (settings.Json)
            invocation.Output.WriteLine(json);
        else
            BenchTables.Write(Output.Console(invocation.Output), report);
    }
}
