using System.CommandLine;
using System.Globalization;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;
using PanguCluster.Native;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>What a bench of this machine was asked for, checked.</summary>
/// <param name="Isa">Null: the best of this machine.</param>
/// <param name="Prompts">Null: the default ones that the model takes.</param>
/// <param name="Context">Null: the default one if the model takes it.</param>
public sealed record BenchSettings(
    string? Folder, string? Shape, int? Layers, PackFormat? Format, ElementType? Kv, string Kernels, string? Isa, int Threads, int Rounds, int Steps, int Chunk,
    IReadOnlyList<int>? Prompts, IReadOnlyList<int> Batches, int? Context, double Budget, bool Quick, bool AgainstDense, double Tolerance,
    string? Out, string? Compare);

/// <summary>The options of <c>pangu bench</c> on this machine.</summary>
public sealed class BenchOptions
{
    private const int MaxSize = 1 << 20;
    private const int MaxBatch = 1024;

    private readonly Option<string?> _model = new("--model") { Description = "packed model or checkpoint", HelpName = "DIR" };
    private readonly Option<string?> _shape = new("--shape")
    {
        Description = "random weights at these sizes, in a temporary folder; dense: as many parameters as pangu-pro, all active",
        HelpName = string.Join('|', BenchShapes.Names),
    };
    private readonly Option<int?> _layers = new("--layers") { Description = "layers of a random model; default 4, small 12", HelpName = "N" };
    private readonly Option<string?> _format = ModelOptions.Format("default: what a packed model has, bf16 for a checkpoint, w8a8 for a shape");
    private readonly Option<string?> _kv = ModelOptions.Kv("how keys and values are stored; default what the model says");
    private readonly Option<string> _kernels = ModelOptions.Kernels();
    private readonly Option<string?> _isa = new("--isa") { Description = "instruction set of limits and kernels; default the best", HelpName = "avx512|avx2|portable" };
    private readonly Option<int> _threads = ModelOptions.Threads();
    private readonly Option<int> _repeats = Number("--repeats", "rounds over all situations; a decode is several steps in each", 3);
    private readonly Option<int> _steps = Number("--steps", "steps of a decode in each round", 4);
    private readonly Option<int> _chunk = Number("--chunk", "most rows of a step; a longer prompt takes several", 512);
    private readonly Option<string?> _prompts = List("--prompt", "lengths of the prompts to prefill; default 128,512,2048");
    private readonly Option<string?> _batches = List("--batch", "sequences to decode together; default 1,4,8,32,64");
    private readonly Option<int?> _context = new("--context") { Description = "positions of the cache for attention; 0: none; default 8192", HelpName = "N" };
    private readonly Option<double> _budget = new("--budget") { Description = "end within about so many seconds", HelpName = "SECONDS", DefaultValueFactory = _ => 180 };
    private readonly Option<bool> _quick = new("--quick") { Description = "a few layers and situations: a first look within seconds" };
    private readonly Option<bool> _dense = new("--against-dense") { Description = "measure a dense model of as many parameters side by side" };
    private readonly Option<string?> _compare = new("--compare") { Description = "an earlier --out file to compare with", HelpName = "FILE" };
    private readonly Option<double> _tolerance = new("--tolerance") { Description = "change that counts, percent", HelpName = "PERCENT", DefaultValueFactory = _ => 10 };

    /// <summary>For a load test too.</summary>
    public Option<string?> Out { get; } = new("--out") { Description = "write the report as JSON to this file too", HelpName = "FILE" };

    /// <summary>What has no meaning for a load test.</summary>
    public IReadOnlyList<Option> OfThisMachine =>
    [
        _model, _shape, _layers, _format, _kv, _kernels, _isa, _threads, _repeats, _steps, _chunk, _prompts, _batches, _context, _budget, _quick,
        _dense, _compare, _tolerance,
    ];

    public BenchOptions()
    {
        _shape.AcceptOnlyFromAmong([.. BenchShapes.Names]);
        _isa.AcceptOnlyFromAmong([.. NativeKernels.InstructionSets]);
    }

    public void AddTo(Command command)
    {
        foreach (var option in OfThisMachine)
            command.Options.Add(option);
        command.Options.Add(Out);
    }

    /// <exception cref="CommandFailedException">An option is out of range, or two contradict.</exception>
    public BenchSettings Read(ParseResult parsed)
    {
        string? folder = parsed.GetValue(_model), shape = parsed.GetValue(_shape), isa = parsed.GetValue(_isa);
        string kernels = parsed.GetRequiredValue(_kernels);
        bool quick = parsed.GetValue(_quick), dense = parsed.GetValue(_dense);
        int? layers = parsed.GetValue(_layers);
        Require(folder is null != shape is null, $"give either --model DIR or --shape {string.Join('|', BenchShapes.Names)}");
        Require(folder is null || layers is null, "--layers goes with --shape; a model has its own");
        Require(!dense || shape is not (null or "dense"), "--against-dense goes with --shape, of a model that is not dense itself");
        Require(kernels == "native" || isa is null, "--isa goes with --kernels native");
        int steps = InRange(parsed, _steps, 1, 1000);
        var batches = Sizes(parsed, _batches, MaxBatch) ?? (quick ? [1, 8] : dense ? [1, 8, 32] : [1, 4, 8, 32, 64]);
        int chunk = InRange(parsed, _chunk, 1, 65536);
        Require(chunk >= batches.Max(), $"--chunk: {chunk} rows are too few for a batch of {batches.Max()}");
        return new BenchSettings(
            folder, shape, layers is { } l ? ModelOptions.InRange("--layers", l, 1, ShapeLimits.MaxLayers) : null,
            ModelOptions.FormatOf(parsed.GetValue(_format)), KvTypes.Parse(parsed.GetValue(_kv)), kernels, isa, InRange(parsed, _threads, 1, ModelOptions.MaxThreads),
            InRange(parsed, _repeats, 1, 1000), steps, chunk, Sizes(parsed, _prompts, MaxSize), batches,
            parsed.GetValue(_context) is { } c ? ModelOptions.InRange("--context", c, 0, MaxSize) : null,
            InRange(parsed, _budget, 1, 86400), quick, dense, InRange(parsed, _tolerance, 0.1, 99) / 100,
            parsed.GetValue(Out), parsed.GetValue(_compare));
    }

    private static Option<int> Number(string name, string description, int value) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };

    private static Option<string?> List(string name, string description) => new(name) { Description = description, HelpName = "N,N,..." };

    private static int InRange(ParseResult parsed, Option<int> option, int min, int max) =>
        ModelOptions.InRange(option.Name, parsed.GetValue(option), min, max);

    private static double InRange(ParseResult parsed, Option<double> option, double min, double max)
    {
        double value = parsed.GetValue(option);
        Require(value >= min && value <= max, string.Create(CultureInfo.InvariantCulture, $"{option.Name}: {value} is out of range: expected {min}..{max}"));
        return value;
    }

    private static IReadOnlyList<int>? Sizes(ParseResult parsed, Option<string?> option, int max)
    {
        if (parsed.GetValue(option) is not { } text)
            return null;
        var sizes = new SortedSet<int>();
        foreach (string part in text.Split(','))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int size))
                throw new CommandFailedException(ExitCodes.Usage, $"{option.Name}: '{part}' is no number; expected a list like 1,8,32");
            sizes.Add(ModelOptions.InRange(option.Name, size, 1, max));
        }
        Require(sizes.Count <= 16, $"{option.Name}: {sizes.Count} sizes; expected at most 16");
        return [.. sizes];
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
            throw new CommandFailedException(ExitCodes.Usage, otherwise);
    }
}
