using System.CommandLine;
using System.Text.Json;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Console;
using Xunit;

namespace PanguCluster.Node.Tests.Bench;

/// <summary>pack, inspect and perplexity through the command line.</summary>
public sealed class ModelVerbTests : IDisposable
{
    private readonly string _temp = Directory.CreateTempSubdirectory("pangu-verbs-").FullName;

    public void Dispose() => Directory.Delete(_temp, recursive: true);

    [Theory]
    [InlineData("bf16")]
    [InlineData("w8a8")]
    [InlineData("w4a8")]
    public async Task Pack_and_inspect_should_agree_on_the_model(string format)
    {
        string packed = Path.Combine(_temp, "packed");
        var (code, output, error) = await Run("pack", Nano, packed, "--format", format);
        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("packing 100 %", error);
        string digest = PackedModel.Open(packed).Manifest.Digest;
        Assert.Contains(digest, output);

        (code, output, _) = await Run("inspect", packed, "--verify", "-o", "json");
        Assert.Equal(ExitCodes.Done, code);
        var json = JsonDocument.Parse(output).RootElement;
        Assert.Equal(digest, json.GetProperty("digest").GetString());
        Assert.Equal(format, json.GetProperty("format").GetString());
        Assert.Equal(64, json.GetProperty("shape").GetProperty("experts").GetInt32());
        Assert.All(json.GetProperty("files").EnumerateArray(), f => Assert.Equal("verified", f.GetProperty("state").GetString()));

        (code, output, _) = await Run("inspect", packed);
        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("group-07.bin", output);
        Assert.Equal(format == "w4a8", output.Contains("i4 in groups of 128"));
        Assert.Contains(digest, output);
    }

    [Fact]
    public async Task Inspect_should_fail_naming_the_file_when_a_bit_has_flipped_but_only_report_a_missing_one()
    {
        string packed = Path.Combine(_temp, "packed");
        await Run("pack", Nano, packed);
        File.Delete(Path.Combine(packed, "group-02.bin"));
        var (code, output, _) = await Run("inspect", packed, "--verify");
        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("missing", output);

        string path = Path.Combine(packed, "group-05.bin");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Equal(ExitCodes.Done, (await Run("inspect", packed)).Code);
        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => Run("inspect", packed, "--verify"));
        Assert.Equal(ExitCodes.Failed, failure.ExitCode);
        Assert.Contains("group-05.bin", failure.Message);
    }

    [Fact]
    public async Task Perplexity_should_be_the_same_with_native_and_managed_kernels()
    {
        string packed = Path.Combine(_temp, "packed"), text = Path.Combine(_temp, "text.txt");
        await Run("pack", Nano, packed, "--format", "w8a8");
        File.WriteAllText(text, File.ReadAllText(Path.Combine(Nano, "eval", "prose.txt"))[..1500]);
        double native = await Nats(packed, text, "native"), managed = await Nats(packed, text, "managed");
        Assert.Equal(native, managed);
        Assert.InRange(native, 2, 6);
    }

    [Fact]
    public async Task Kv_should_be_packed_or_chosen_at_open_with_the_same_digest()
    {
        string plain = Path.Combine(_temp, "plain"), packed = Path.Combine(_temp, "packed"), text = Path.Combine(_temp, "text.txt");
        await Run("pack", Nano, plain, "--format", "w8a8", "--name", "m");
        await Run("pack", Nano, packed, "--format", "w8a8", "--name", "m", "--kv", "int8");
        File.WriteAllText(text, File.ReadAllText(Path.Combine(Nano, "eval", "prose.txt"))[..1500]);
        var (half, chosen, written) = (await Perplexity(plain), await Perplexity(plain, "--kv", "int8"), await Perplexity(packed));
        Assert.Equal(("bf16", "int8", "int8"), (half.Kv, chosen.Kv, written.Kv));
        Assert.Equal(written, chosen);
        Assert.NotEqual(half.Digest, chosen.Digest);
        Assert.NotEqual(half.Nats, chosen.Nats);

        async Task<(string Kv, string Digest, double Nats)> Perplexity(string model, params string[] more)
        {
            var json = JsonDocument.Parse((await Run(["perplexity", model, text, "-o", "json", .. more])).Output).RootElement;
            return (json.GetProperty("kv").GetString()!, json.GetProperty("digest").GetString()!, json.GetProperty("nats_per_token").GetDouble());
        }
    }

    [Fact]
    public async Task Perplexity_should_reproduce_the_models_card()
    {
        string packed = Path.Combine(_temp, "packed");
        await Run("pack", Nano, packed);
        var (_, output, _) = await Run("perplexity", packed, Path.Combine(Nano, "eval", "prose.txt"), "-o", "json");
        var json = JsonDocument.Parse(output).RootElement;
        Assert.Equal(63747, json.GetProperty("tokens").GetInt32());
        Assert.Equal(3.7616, json.GetProperty("nats_per_token").GetDouble(), tolerance: 1e-4);
        Assert.Equal(1.534, json.GetProperty("bits_per_character").GetDouble(), tolerance: 5e-4);
    }

    [Theory]
    [InlineData("--window", "1")]
    [InlineData("--window", "100000")]
    [InlineData("--threads", "0")]
    public async Task Perplexity_should_name_the_option_when_it_is_out_of_range(string option, string value)
    {
        string packed = Path.Combine(_temp, "packed"), text = Path.Combine(_temp, "text.txt");
        await Run("pack", Nano, packed);
        File.WriteAllText(text, "some text");
        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => Run("perplexity", packed, text, option, value));
        Assert.Equal(ExitCodes.Usage, failure.ExitCode);
        Assert.Contains(option, failure.Message);
    }

    [Fact]
    public async Task Perplexity_should_say_so_when_the_text_is_missing_empty_or_no_text()
    {
        string packed = Path.Combine(_temp, "packed"), text = Path.Combine(_temp, "text.txt");
        await Run("pack", Nano, packed);
        Assert.Contains("does not exist", (await Assert.ThrowsAsync<CommandFailedException>(() => Run("perplexity", packed, text))).Message);
        File.WriteAllText(text, "");
        Assert.Contains("empty", (await Assert.ThrowsAsync<CommandFailedException>(() => Run("perplexity", packed, text))).Message);
        File.WriteAllBytes(text, [0xff, 0xfe]);
        Assert.Contains("UTF-8", (await Assert.ThrowsAsync<CommandFailedException>(() => Run("perplexity", packed, text))).Message);
    }

    [Theory]
    [InlineData("pack")]
    [InlineData("inspect")]
    [InlineData("random")]
    [InlineData("perplexity")]
    public async Task Help_should_end_with_an_example(string verb)
    {
        var (code, output, _) = await Run(verb, "--help");
        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains($"pangu {verb} ", output[output.LastIndexOf("Example", StringComparison.Ordinal)..]);
    }

    [Fact]
    public async Task Random_should_write_the_same_model_twice_and_refuse_what_is_no_shape()
    {
        string folder = Directory.CreateTempSubdirectory("pangu-random-").FullName;
        try
        {
            var (code, first, _) = await Run("random", Path.Combine(folder, "a"), "--shape", "nano", "--layers", "1", "--seed", "7");
            var (_, second, _) = await Run("random", Path.Combine(folder, "b"), "--shape", "nano", "--layers", "1", "--seed", "7");
            var (_, other, _) = await Run("random", Path.Combine(folder, "c"), "--shape", "nano", "--layers", "1", "--seed", "8");

            Assert.Equal(ExitCodes.Done, code);
            Assert.Equal(1, PackedModel.Open(Path.Combine(folder, "a")).Shape.Layers);
            Assert.Equal(first[first.IndexOf("digest", StringComparison.Ordinal)..], second[second.IndexOf("digest", StringComparison.Ordinal)..]);
            Assert.NotEqual(first[first.IndexOf("digest", StringComparison.Ordinal)..], other[other.IndexOf("digest", StringComparison.Ordinal)..]);
            var shape = await Assert.ThrowsAsync<CommandFailedException>(() => Run("random", Path.Combine(folder, "d"), "--shape", "round"));
            Assert.Contains("--shape round: expected one of pangu-pro, small", shape.Message);
            var layers = await Assert.ThrowsAsync<CommandFailedException>(() => Run("random", Path.Combine(folder, "d"), "--layers", "0"));
            Assert.Contains("--layers: 0 is out of range", layers.Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> Nats(string packed, string text, string kernels)
    {
        var (_, output, _) = await Run("perplexity", packed, text, "--kernels", kernels, "--window", "100", "-o", "json");
        return JsonDocument.Parse(output).RootElement.GetProperty("nats_per_token").GetDouble();
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] args)
    {
        var root = new RootCommand { PackVerb.Create(), RandomVerb.Create(), InspectVerb.Create(), PerplexityVerb.Create() };
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await root.Parse(args).InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        return (code, output.ToString(), error.ToString());
    }

    private static string Nano { get; } = FindNano();

    private static string FindNano()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "PanguCluster.sln")))
                return Path.Combine(folder.FullName, "models", "pangu-nano");
        throw new InvalidOperationException("no folder with PanguCluster.sln above the tests");
    }
}
