using System.CommandLine;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu random</c>: a packed model without a checkpoint, to size machines and try clusters with.</summary>
public static class RandomVerb
{
    private const int MaxLayers = 1024;

    public static Command Create()
    {
        var destination = new Argument<string>("DST") { Description = "folder of the packed model; must not exist, or be empty" };
        var shape = new Option<string>("--shape") { Description = "layer sizes of the model; default small", HelpName = string.Join('|', BenchShapes.Names), DefaultValueFactory = _ => "small" };
        var layers = new Option<int?>("--layers") { Description = $"1 .. {MaxLayers}; default 4, small 12", HelpName = "N" };
        var format = ModelOptions.Format("default w8a8");
        var seed = new Option<ulong>("--seed") { Description = "the same seed gives the same bytes; default 1", HelpName = "N", DefaultValueFactory = _ => 1 };
        var command = new Command("random", "write a packed model of random weights: any size, no tokenizer") { destination, shape, layers, format, seed };
        command.SetAction((parsed, stop) =>
        {
            string name = parsed.GetRequiredValue(shape);
            if (!BenchShapes.Names.Contains(name))
                throw new CommandFailedException(ExitCodes.Usage, $"--shape {name}: expected one of {string.Join(", ", BenchShapes.Names)}");
            int depth = ModelOptions.InRange("--layers", parsed.GetValue(layers) ?? BenchShapes.DefaultLayers(name, quick: false), 1, MaxLayers);
            var model = ProgressDisplay.Run(parsed.InvocationConfiguration.Error, "writing", report => TemporaryModel.WriteTo(
                parsed.GetRequiredValue(destination), $"random-{name}", BenchShapes.Of(name, depth), ModelOptions.FormatOf(parsed.GetValue(format)) ?? PackFormat.W8A8,
                parsed.GetValue(seed), report, stop));
            var manifest = model.Manifest;
            parsed.InvocationConfiguration.Output.WriteLine(
                $"{model.Folder}: {manifest.Name}, {ManifestJson.NameOf(manifest.Format)}, {ByteSize.Format(manifest.Files.Sum(f => f.Bytes))}, digest {manifest.Digest}");
            return Task.FromResult(ExitCodes.Done);
        });
        return command.WithExamples("pangu random /data/random --shape small --layers 12", "pangu random /data/pro --shape pangu-pro --layers 48 --format w8a8");
    }
}
