using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tokenization;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu perplexity</c>: how well a model predicts a text.</summary>
public static class PerplexityVerb
{
    private const long MaxTextBytes = 256L << 20;

    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "packed model, or checkpoint (packed into the cache the first time)" };
        var file = new Argument<string>("FILE") { Description = "text, UTF-8" };
        var format = ModelOptions.Format("how a checkpoint is packed; default bf16");
        var kv = ModelOptions.Kv("how keys and values are stored; default what the model says");
        var kernels = ModelOptions.Kernels();
        var threads = ModelOptions.Threads();
        var window = new Option<int>("--window") { Description = "positions per window, <s> included", HelpName = "N", DefaultValueFactory = _ => 512 };
        var output = Output.FormatOption("table", "json");
        var command = new Command("perplexity", "mean negative log-likelihood and perplexity of a text, in windows that each begin with <s>")
        {
            folder, file, format, kv, kernels, threads, window, output,
        };
        command.SetAction((parsed, stop) =>
        {
            int threadCount = ModelOptions.InRange("--threads", parsed.GetValue(threads), 1, ModelOptions.MaxThreads);
            string text = ReadText(parsed.GetRequiredValue(file));
            var error = parsed.InvocationConfiguration.Error;
            var model = ModelOptions.Resolve(parsed.GetRequiredValue(folder), ModelOptions.FormatOf(parsed.GetValue(format)), error, stop)
                .WithKvCache(KvTypes.Parse(parsed.GetValue(kv)));
            int positions = ModelOptions.InRange("--window", parsed.GetValue(window), 2, Math.Min(model.Shape.MaxPositions, Perplexity.MaxWindow));
            using var local = LocalModel.Open(model, ModelOptions.Open(parsed.GetRequiredValue(kernels)), positions, positions, threadCount, verify: true);
            var result = ProgressDisplay.Run(error, "scoring", report => Perplexity.Measure(
                local, PanguTokenizer.Open(model.Folder), text, positions, (done, total) => report(done, total, "tokens"), stop), bytes: false);
            Print(parsed.InvocationConfiguration.Output, parsed.GetValue(output) == "json", model, local.KernelName, result);
            return Task.FromResult(ExitCodes.Done);
        });
        return command.WithExamples(
            "pangu perplexity models/pangu-nano models/pangu-nano/eval/prose.txt",
            "pangu perplexity models/pangu-nano models/pangu-nano/eval/prose.txt --format w8a8 -o json");
    }

    private static void Print(TextWriter output, bool json, PackedModel model, string kernels, PerplexityResult result)
    {
        string format = ManifestJson.NameOf(model.Manifest.Format), kv = KvTypes.NameOf(model.Manifest.KvCache);
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Model = model.Manifest.Name, model.Manifest.Digest, Format = format, Kv = kv, Kernels = kernels, result.Window, result.Tokens,
                    result.NatsPerToken, result.Perplexity, result.BitsPerCharacter,
                },
                BenchJson.Options));
            return;
        }
        var table = Output.Table("model", "format", "kv", "kernels", "tokens", "nats/token", "perplexity", "bits/character");
        table.Row(
            model.Manifest.Name, format, kv, kernels, result.Tokens.ToString(CultureInfo.InvariantCulture), Show(result.NatsPerToken, "0.00000"),
            Show(result.Perplexity, "0.000"), Show(result.BitsPerCharacter, "0.0000"));
        Output.Console(output).Write(table);
    }

    private static string Show(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string ReadText(string path)
    {
        if (!File.Exists(path))
            throw new CommandFailedException(ExitCodes.Usage, $"FILE: {path} does not exist");
        if (new FileInfo(path).Length > MaxTextBytes)
            throw new CommandFailedException(ExitCodes.Usage, $"FILE: {path} is larger than {MaxTextBytes} bytes");
        byte[] bytes = File.ReadAllBytes(path);
        if (!System.Text.Unicode.Utf8.IsValid(bytes))
            throw new CommandFailedException(ExitCodes.Usage, $"FILE: {path} is not valid UTF-8");
        return System.Text.Encoding.UTF8.GetString(bytes);
    }
}
