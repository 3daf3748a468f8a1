using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using PanguCluster.Node.Console;
using Xunit;

namespace PanguCluster.Node.Tests.Bench;

/// <summary><c>pangu bench</c> through the command line, on models that take milliseconds. What it measures is not judged, only what it reports.</summary>
public sealed class BenchVerbTests : IDisposable
{
    private static readonly string[] Rounds = ["bench", "--shape", "nano", "--layers", "1", "--threads", "1", "--steps", "2", "--repeats"];
    private static readonly string[] Small = [.. Rounds, "1"];

    private readonly string _temp = Directory.CreateTempSubdirectory("pangu-bench-tests-").FullName;

    public void Dispose() => Directory.Delete(_temp, recursive: true);

    [Fact]
    public async Task Bench_should_report_every_situation_that_the_model_takes()
    {
        var json = await Json([.. Rounds, "2"]);
        foreach (string limits in new[] { "median", "best", "one_thread" })
            Assert.All(
                json.GetProperty("machine").GetProperty(limits).EnumerateObject().Where(f => f.Name.EndsWith("per_second", StringComparison.Ordinal)),
                f => Assert.True(f.Value.GetDouble() > 0, f.Name));
        // A prompt of 2048 and a context of 8192 are too long for a model of 2048 positions.
        Assert.Equal(["decode 1", "decode 4", "decode 8", "decode 32", "decode 64", "prefill 128", "prefill 512"], Names(json));
        var results = json.GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal([4, 4, 4, 4, 4, 2, 2], results.Select(r => r.GetProperty("repeats").GetInt32()));
        Assert.All(results, r => Assert.InRange(r.GetProperty("outside_kernels").GetDouble(), 0, 1));
        Assert.All(results, r => Assert.Equal(
            1, r.GetProperty("outside_kernels").GetDouble() + r.GetProperty("stages").EnumerateObject().Sum(s => s.Value.GetDouble()), 1e-9));
        Assert.All(results, r => Assert.All(
            ["attend", "route", "experts", "shared", "combine", "logits"], s => Assert.True(r.GetProperty("stages").GetProperty(s).GetDouble() > 0, s)));
        Assert.Equal(8, results[0].GetProperty("distinct_experts").GetDouble()); // one row: one expert of each of 8 groups
    }

    /// <summary>64 equal rows would choose 8 experts: the cheapest batch there is, and one that no traffic makes.</summary>
    [Fact]
    public async Task Bench_should_spread_a_batch_over_the_experts_by_feeding_it_different_tokens()
    {
        var batch = Assert.Single((await Json([.. Small, "--batch", "64", "--prompt", "8"])).GetProperty("results").EnumerateArray(), r => r.GetProperty("size").GetInt32() == 64);
        Assert.InRange(batch.GetProperty("distinct_tokens").GetDouble(), 50, 64);
        Assert.InRange(batch.GetProperty("distinct_experts").GetDouble(), 56, 64);
    }

    [Fact]
    public async Task Bench_should_feed_a_long_prompt_in_chunks_and_measure_a_long_context()
    {
        var json = await Json([.. Small, "--batch", "2", "--prompt", "64", "--chunk", "16", "--context", "1000"]);
        Assert.Equal(["decode 2", "context 1000", "prefill 64"], Names(json));
        var whole = await Json([.. Small, "--batch", "2", "--prompt", "64", "--chunk", "64"]);
        Assert.Equal(["decode 2", "prefill 64"], Names(whole));
        // Four chunks read the layer four times, each with somewhat fewer experts; the head is read once.
        double ratio = Result(json, "prefill 64").GetProperty("bytes").GetDouble() / Result(whole, "prefill 64").GetProperty("bytes").GetDouble();
        Assert.InRange(ratio, 2, 4);
        // 999 positions x 1 layer x (keys and values) x 64 wide x bf16: what the step at the end reads more than the one at the start.
        Assert.Equal(999.0 * 2 * 64 * 2, Result(json, "context 1000").GetProperty("kv").GetProperty("bytes").GetDouble());
    }

    [Fact]
    public async Task Bench_should_set_a_dense_model_of_the_same_size_beside_the_sparse_one()
    {
        var json = await Json([.. Small, "--against-dense", "--batch", "1", "--prompt", "32"]);
        var dense = json.GetProperty("against_dense");
        Assert.InRange(dense.GetProperty("model_bytes").GetInt64() / (double)json.GetProperty("model_bytes").GetInt64(), 0.97, 1.03);
        var ratio = dense.GetProperty("ratios").EnumerateArray().First(r => r.GetProperty("phase").GetString() == "decode");
        double sparse = Result(json, "decode 1").GetProperty("tokens_per_second").GetDouble();
        Assert.Equal(sparse / Result(dense, "decode 1").GetProperty("tokens_per_second").GetDouble(), ratio.GetProperty("ratio").GetDouble(), 1e-9);
    }

    [Fact]
    public async Task Bench_should_compare_with_the_file_of_an_earlier_run()
    {
        string file = Path.Combine(_temp, "before.json");
        string[] args = [.. Small, "--batch", "1", "--prompt", "16"];
        await Json([.. args, "--out", file]);
        var earlier = JsonNode.Parse(File.ReadAllText(file))!;
        foreach (var result in earlier["results"]!.AsArray())
        {
            result!["tokens_per_second"] = result["tokens_per_second"]!.GetValue<double>() * 1000;
            result["fraction"] = result["fraction"]!.GetValue<double>() * 1000;
        }
        earlier["model"] = "another";
        File.WriteAllText(file, earlier.ToJsonString());
        var comparison = (await Json([.. args, "--compare", file])).GetProperty("comparison");
        Assert.All(comparison.GetProperty("results").EnumerateArray(), r => Assert.Equal("slower", r.GetProperty("verdict").GetString()));
        Assert.Contains("another", Assert.Single(comparison.GetProperty("differences").EnumerateArray()).GetString());

        var (_, table, _) = await Run([.. args, "--compare", file]);
        Assert.Contains("SLOWER", table);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"schema\":2}")]
    [InlineData("{\"schema\":1,\"results\":[]}")]
    public async Task Bench_should_refuse_at_once_to_compare_with_what_is_no_report(string text)
    {
        string file = Path.Combine(_temp, "wrong.json");
        File.WriteAllText(file, text);
        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => Run([.. Small, "--compare", file]));
        Assert.Equal(ExitCodes.Usage, failure.ExitCode);
        Assert.Contains(file, failure.Message);
    }

    [Fact]
    public async Task Bench_should_fail_at_once_when_the_file_cannot_be_written()
    {
        string[] args = ["bench", "--model", Path.Combine(_temp, "no-model"), "--out", Path.Combine(_temp, "no-folder", "report.json")];
        Assert.Contains("no-folder", (await Assert.ThrowsAnyAsync<IOException>(() => Run(args))).Message);
    }

    [Fact]
    public async Task Bench_should_say_what_it_left_out_when_the_budget_is_too_small()
    {
        var json = await Json([.. Rounds, "1000", "--batch", "1", "--prompt", "16", "--budget", "1"]);
        Assert.NotEmpty(json.GetProperty("skipped").EnumerateArray());
    }

    [Fact]
    public async Task Bench_should_run_with_the_instruction_set_that_is_asked_for()
    {
        var json = await Json([.. Small, "--isa", "portable", "--batch", "1", "--prompt", "8"]);
        Assert.Equal("portable", json.GetProperty("kernels").GetString());
        Assert.Equal("portable", json.GetProperty("machine").GetProperty("median").GetProperty("instruction_set").GetString());
    }

    [Theory]
    [InlineData("bench")]
    [InlineData("bench", "--shape", "nano", "--model", "x")]
    [InlineData("bench", "--model", "x", "--layers", "2")]
    [InlineData("bench", "--shape", "nano", "--layers", "0")]
    [InlineData("bench", "--shape", "nano", "--repeats", "0")]
    [InlineData("bench", "--shape", "nano", "--batch", "1,x")]
    [InlineData("bench", "--shape", "nano", "--batch", "0")]
    [InlineData("bench", "--shape", "nano", "--batch", "64", "--chunk", "32")]
    [InlineData("bench", "--shape", "nano", "--budget", "0")]
    [InlineData("bench", "--shape", "nano", "--tolerance", "100")]
    [InlineData("bench", "--shape", "nano", "--isa", "avx2", "--kernels", "managed")]
    [InlineData("bench", "--shape", "nano", "--prompt", "2048")]
    [InlineData("bench", "--shape", "nano", "--context", "2049")]
    [InlineData("bench", "--shape", "dense", "--against-dense")]
    [InlineData("bench", "--model", "x", "--against-dense")]
    public async Task Bench_should_end_as_usage_when_its_options_contradict(params string[] args) =>
        Assert.Equal(ExitCodes.Usage, (await Assert.ThrowsAsync<CommandFailedException>(() => Run(args))).ExitCode);

    [Fact]
    public async Task Help_should_end_with_an_example()
    {
        var (code, output, _) = await Run("bench", "--help");
        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("pangu bench ", output[output.LastIndexOf("Example", StringComparison.Ordinal)..]);
    }

    private static string[] Names(JsonElement report) => [.. report.GetProperty("results").EnumerateArray().Select(Name)];

    private static string Name(JsonElement result) => $"{result.GetProperty("phase").GetString()} {result.GetProperty("size").GetInt32()}";

    private static JsonElement Result(JsonElement report, string name) =>
        Assert.Single(report.GetProperty("results").EnumerateArray(), r => Name(r) == name);

    private static async Task<JsonElement> Json(params string[] args)
    {
        var (code, output, _) = await Run([.. args, "-o", "json"]);
        Assert.Equal(ExitCodes.Done, code);
        return JsonDocument.Parse(output).RootElement;
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] args)
    {
        var root = new RootCommand { BenchVerb.Create() };
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await root.Parse(args).InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        return (code, output.ToString(), error.ToString());
    }
}
