using System.CommandLine;
using System.Text.Json;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Bench;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu bench</c>: this machine's limits, then prefill and decode as fractions of them.</summary>
public static class BenchVerb
{
    private const int DefaultProLayers = 2;
    private const int DefaultNanoLayers = 4;
    private const int FirstProbes = 5;

    public static Command Create()
    {
        var modelFolder = new Option<string?>("--model") { Description = "packed model or checkpoint", HelpName = "DIR" };
        var shape = new Option<string?>("--shape") { Description = "random weights at these sizes, in a temporary folder", HelpName = "pangu-pro|nano" };
        shape.AcceptOnlyFromAmong("pangu-pro", "nano");
        var layers = new Option<int?>("--layers") { Description = "layers of a random model; default 2 for pangu-pro, 4 for nano", HelpName = "N" };
        var format = ModelOptions.Format("default: what a packed model has, bf16 for a checkpoint, w8a8 for a shape");
        var kernels = ModelOptions.Kernels();
        var threads = ModelOptions.Threads();
        var repeats = new Option<int>("--repeats") { Description = "measured repeats of a prefill; decode runs three times as many steps", HelpName = "N", DefaultValueFactory = _ => 3 };
        var output = Output.FormatOption("table", "json");
        var command = new Command("bench", "measure this machine, then prefill and decode, each as a fraction of the limit that binds it")
        {
            modelFolder, shape, layers, format, kernels, threads, repeats, output,
        };
        command.SetAction((parsed, stop) =>
        {
            string? folder = parsed.GetValue(modelFolder), shapeName = parsed.GetValue(shape);
            if (folder is null == shapeName is null)
                throw new CommandFailedException(ExitCodes.Usage, "give either --model DIR or --shape pangu-pro|nano");
            if (folder is not null && parsed.GetValue(layers) is not null)
                throw new CommandFailedException(ExitCodes.Usage, "--layers goes with --shape; a model has its own");
            var plan = new Plan(
                folder, shapeName, parsed.GetValue(layers), ModelOptions.FormatOf(parsed.GetValue(format)), parsed.GetRequiredValue(kernels),
                ModelOptions.InRange("--threads", parsed.GetValue(threads), 1, ModelOptions.MaxThreads),
                ModelOptions.InRange("--repeats", parsed.GetValue(repeats), 1, 1000), parsed.GetValue(output) == "json");
            Run(plan, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, stop);
            return Task.FromResult(ExitCodes.Done);
        });
        return command.WithExamples(
            "pangu bench --model models/pangu-nano --format w8a8", "pangu bench --shape pangu-pro --layers 2 --threads 2 -o json");
    }

    private sealed record Plan(
        string? Folder, string? Shape, int? Layers, PackFormat? Format, string Kernels, int Threads, int Repeats, bool Json);

    private static void Run(Plan plan, TextWriter output, TextWriter error, CancellationToken stop)
    {
        // The machine's limits are measured by the native library, whatever kernels the model runs on.
        var native = ModelOptions.Open("native");
        var kernels = plan.Kernels == "native" ? native : ModelOptions.Open(plan.Kernels);
        var machine = new MachineProbe(plan.Threads);
        machine.Probe(FirstProbes, stop);
        using var temporary = plan.Shape is null ? null : WriteRandom(plan, error, stop);
        var model = temporary?.Model ?? ModelOptions.Resolve(plan.Folder!, plan.Format, error, stop);
        int decodeSteps = plan.Repeats * 3;
        int positions = BenchRun.MaxPositions(decodeSteps);
        if (positions > model.Shape.MaxPositions)
            throw new CommandFailedException(ExitCodes.Failed, $"the model has {model.Shape.MaxPositions} positions, a bench needs {positions}");
        using var local = LocalModel.Open(
            model, kernels, BenchRun.MaxRows, positions, plan.Threads, verify: temporary is null, sequences: BenchRun.DecodeBatches.Max());
        var measurements = Measure(plan, new BenchRun(local, TimeProvider.System, stop), machine, decodeSteps, error, stop);
        var limits = machine.Best;
        var bench = new BenchReport(
            limits, model.Manifest.Name, ManifestJson.NameOf(model.Manifest.Format), local.KernelName, model.Shape.Layers,
            model.Trunk.Length + model.Group.Length * model.Shape.Groups, [.. measurements.Select(m => m.Against(limits, model))]);
        if (plan.Json)
            output.WriteLine(JsonSerializer.Serialize(bench, BenchJson.Options));
        else
            BenchTables.Write(Output.Console(output), bench);
    }

    private static List<BenchMeasurement> Measure(
        Plan plan, BenchRun run, MachineProbe machine, int decodeSteps, TextWriter error, CancellationToken stop)
    {
        int parts = BenchRun.PrefillLengths.Count + BenchRun.DecodeBatches.Count;
        return ProgressDisplay.Run(error, "measuring", report =>
        {
            var measured = new List<BenchMeasurement>();
            void Add(BenchMeasurement measurement)
            {
                measured.Add(measurement);
                machine.Probe(1, stop);
                report(measured.Count, parts, $"{measurement.Phase} {measurement.Rows}");
            }
            foreach (int length in BenchRun.PrefillLengths)
                Add(run.Prefill(length, plan.Repeats));
            foreach (int batch in BenchRun.DecodeBatches)
                Add(run.Decode(batch, decodeSteps));
            return measured;
        }, bytes: false);
    }

    private static TemporaryModel WriteRandom(Plan plan, TextWriter error, CancellationToken stop)
    {
        bool pro = plan.Shape == "pangu-pro";
        int layers = ModelOptions.InRange("--layers", plan.Layers ?? (pro ? DefaultProLayers : DefaultNanoLayers), 1, Model.Shapes.ShapeLimits.MaxLayers);
        var shape = pro ? TemporaryModel.PanguPro(layers) : TemporaryModel.Nano(layers);
        return ProgressDisplay.Run(error, "writing", report =>
            TemporaryModel.Write($"random-{plan.Shape}", shape, plan.Format ?? PackFormat.W8A8, report, stop));
    }
}
