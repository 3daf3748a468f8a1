using System.Text.Json;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Native;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>One bench of this machine from settings to report.</summary>
internal sealed class BenchSession(BenchSettings settings, TimeProvider time, TextWriter error, CancellationToken stop)
{
    private const int DefaultContext = 8192;
    private const int FirstProbes = 3;
    private const int LastProbes = 2;

    public BenchReport Run()
    {
        // Before any work: a wrong file is told at once, not after minutes.
        var earlier = settings.Compare is { } file ? ReadEarlier(file) : null;
        // The machine's limits are measured by the native library, whatever kernels the model runs on.
        var native = OpenNative();
        var kernels = settings.Kernels == "native" ? native : ModelOptions.Open(settings.Kernels);
        using var machine = new MachineProbe(settings.Threads, native.Name, time);
        var schedule = new BenchSchedule(machine, time, settings.Budget, stop);
        for (int i = 0; i < FirstProbes; i++)
            machine.ProbeAll(stop);
        using var temporary = settings.Shape is { } shape ? WriteRandom(shape, dense: false) : null;
        using var dense = settings.AgainstDense ? WriteRandom(settings.Shape!, dense: true) : null;
        var model = (temporary?.Model ?? ModelOptions.Resolve(settings.Folder!, settings.Format, error, stop)).WithKvCache(settings.Kv);
        var plan = PlanFor(model);
        using var local = Open(model, kernels, plan);
        using var denseLocal = dense is null ? null : Open(dense.Model.WithKvCache(settings.Kv), kernels, plan);
        BenchRun[] runs = [new(local, plan, time, stop), .. denseLocal is null ? Array.Empty<BenchRun>() : [new(denseLocal, plan, time, stop)]];
        var measured = ProgressDisplay.Run(error, "measuring", report =>
        {
            foreach (var run in runs)
                run.Warm();
            return schedule.Run(runs, plan.Situations, settings.Rounds, report);
        }, bytes: false);
        for (int i = 0; i < LastProbes; i++)
            machine.ProbeAll(stop);
        var report = Report(machine.Report, local, measured[0], schedule);
        if (denseLocal is not null)
            report = report with { AgainstDense = DenseOf(denseLocal, measured[1], report) };
        return earlier is null ? report : report with { Comparison = BenchComparison.Of(settings.Compare!, earlier, report, settings.Tolerance) };
    }

    /// <exception cref="CommandFailedException">The instruction set cannot run here.</exception>
    private IKernels OpenNative()
    {
        if (settings.Isa is not { } isa)
            return ModelOptions.Open("native");
        try
        {
            return NativeKernels.Create(isa);
        }
        catch (Exception e) when (e is PlatformNotSupportedException or DllNotFoundException)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"--isa {isa} cannot run here: {e.Message}", e);
        }
    }

    private TemporaryModel WriteRandom(string name, bool dense)
    {
        int layers = settings.Layers ?? BenchShapes.DefaultLayers(name, settings.Quick);
        var shape = BenchShapes.Of(name, layers);
        string title = dense ? $"random-{name}-dense" : $"random-{name}";
        return ProgressDisplay.Run(error, "writing", report => TemporaryModel.Write(
            title, dense ? BenchShapes.Dense(shape) : shape, settings.Format ?? PackFormat.W8A8, report, stop));
    }

    /// <summary>The sizes that were asked for; of the default ones those that the model takes.</summary>
    private BenchPlan PlanFor(PackedModel model)
    {
        int most = model.Shape.MaxPositions;
        int[] prompts = settings.Prompts is { } asked ? [.. asked]
            : [.. (settings.Quick ? new[] { 128 } : settings.AgainstDense ? [512] : [128, 512, 2048]).Where(p => p < most)];
        int context = settings.Context ?? (settings.Quick || settings.AgainstDense || DefaultContext > most ? 0 : DefaultContext);
        var plan = new BenchPlan(prompts, settings.Batches, context, settings.Chunk, settings.Steps);
        return plan.MaxPositions <= most ? plan
            : throw new CommandFailedException(ExitCodes.Usage, $"the model has {most} positions, these prompts, steps and context need {plan.MaxPositions}");
    }

    private LocalModel Open(PackedModel model, IKernels kernels, BenchPlan plan) => LocalModel.Open(
        model, kernels, plan.Chunk, plan.MaxPositions, plan.EngineBlocks + plan.ContextBlocks, settings.Threads, verify: settings.Folder is not null);

    private BenchReport Report(MachineReport machine, LocalModel local, IReadOnlyList<BenchMeasurement> measured, BenchSchedule schedule) => new(
        BenchReport.CurrentSchema, machine, local.Model.Manifest.Name, ManifestJson.NameOf(local.Model.Manifest.Format), local.KernelName,
        local.Model.Shape.Layers, BytesOf(local.Model), settings.Rounds, schedule.Elapsed,
        [.. measured.Select(m => m.Against(machine.Best, local.Model))],
        [.. schedule.Skipped.Select(s => $"{s.Key}: {s.Value} of its repeats")], Kv: KvTypes.NameOf(local.Model.Manifest.KvCache));

    private static DenseReport DenseOf(LocalModel dense, IReadOnlyList<BenchMeasurement> measured, BenchReport sparse) => DenseReport.Of(
        dense.Model.Manifest.Name, BytesOf(dense.Model), [.. measured.Select(m => m.Against(sparse.Machine.Best, dense.Model))], sparse.Results);

    private static long BytesOf(PackedModel model) => model.Trunk.Length + model.Group.Length * model.Shape.Groups;

    private static BenchReport ReadEarlier(string file)
    {
        try
        {
            return BenchComparison.Read(File.ReadAllText(file));
        }
        catch (FormatException wrong)
        {
            throw new CommandFailedException(ExitCodes.Usage, $"--compare {file}: {wrong.Message}");
        }
    }
}
