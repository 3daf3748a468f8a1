using System.CommandLine;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu pack</c>: a Hugging Face checkpoint into the files the kernels map.</summary>
public static class PackVerb
{
    public static Command Create()
    {
        var source = new Argument<string>("SRC") { Description = "checkpoint folder: config.json, *.safetensors, tokenizer.model" };
        var destination = new Argument<string>("DST") { Description = "folder of the packed model; appears when it is complete" };
        var format = ModelOptions.Format("bf16 keeps the checkpoint's 16-bit weights, w8a8 quantizes to 8 bits, w4a8 weights to 4; default bf16");
        var kv = ModelOptions.Kv("how keys and values are stored; default f32 for bf16, else bf16; int8 halves their memory");
        var overwrite = new Option<bool>("--overwrite") { Description = "replace a packed model that stands at DST" };
        var name = new Option<string?>("--name") { Description = "the model's name; default the name of SRC", HelpName = "NAME" };
        var command = new Command("pack", "turn a Hugging Face checkpoint into a packed model") { source, destination, format, kv, overwrite, name };
        command.SetAction((parsed, stop) =>
        {
            var options = new PackOptions(
                ModelOptions.FormatOf(parsed.GetValue(format)) ?? PackFormat.Bf16, parsed.GetValue(overwrite), CheckedName(parsed.GetValue(name)),
                KvTypes.Parse(parsed.GetValue(kv)));
            var model = ProgressDisplay.Run(parsed.InvocationConfiguration.Error, "packing", report => Packer.Pack(
                parsed.GetRequiredValue(source), parsed.GetRequiredValue(destination), options, new PackReports(report), stop));
            var manifest = model.Manifest;
            parsed.InvocationConfiguration.Output.WriteLine(
                $"{model.Folder}: {manifest.Name}, {ManifestJson.NameOf(manifest.Format)}, {ByteSize.Format(manifest.Files.Sum(f => f.Bytes))}, digest {manifest.Digest}");
            return Task.FromResult(ExitCodes.Done);
        });
        return command.WithExamples(
            "pangu pack models/pangu-nano /tmp/pangu-nano.w8a8 --format w8a8",
            "pangu pack ~/pangu-pro-moe /data/pangu-pro --format w8a8 --overwrite");
    }

    private static string? CheckedName(string? name) =>
        name is null or { Length: > 0 and <= 256 }
            ? name
            : throw new CommandFailedException(ExitCodes.Usage, $"--name: {name.Length} characters: expected 1..256");
}
