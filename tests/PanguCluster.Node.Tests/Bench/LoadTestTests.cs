using System.CommandLine;
using System.Text.Json;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Console;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Bench;

/// <summary><c>pangu bench --server</c> against the real edge of a node before a fake cluster.</summary>
public sealed class LoadTestTests
{
    [Fact]
    public async Task Load_should_send_every_request_once_and_count_every_token()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var (code, json) = await Json(edge, "--clients", "3", "--requests", "11", "--max-tokens", "5", "--prompt-tokens", "7");
        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal(11, json.GetProperty("completed").GetInt32());
        Assert.Equal(33, json.GetProperty("generated_tokens").GetInt64()); // the fake answers three tokens
        Assert.Equal(77, json.GetProperty("prompt_tokens").GetInt64());
        Assert.Equal(
            (11, 11, 22, 11), (Count(json, "ttft"), Count(json, "tpot"), Count(json, "itl"), Count(json, "latency")));
        Assert.Empty(json.GetProperty("errors").EnumerateObject());
        Assert.Equal(11, edge.Gateway.Requests.Count);
        Assert.All(edge.Gateway.Requests, r => Assert.Equal((7, 5, 0f), (r.Prompt.Length, r.MaxTokens, r.Sampling.Temperature)));
        Assert.Equal(11, edge.Gateway.Requests.Select(r => string.Join(',', r.Prompt)).Distinct().Count());
    }

    [Fact]
    public async Task Load_should_never_have_more_requests_under_way_than_clients()
    {
        await using var edge = await EdgeFixture.StartAsync();
        int running = 0, most = 0;
        using var together = new Barrier(3);
        edge.Gateway.Play = async (request, writer, stop) =>
        {
            int now = Interlocked.Increment(ref running);
            lock (together)
                most = Math.Max(most, now);
            // Three are here at once, or this waits until its limit and the count below tells.
            await Task.Run(() => together.SignalAndWait(TimeSpan.FromSeconds(20)), stop);
            Interlocked.Decrement(ref running);
            await FakeGateway.PlayTokens(2)(request, writer, stop);
        };
        var (code, json) = await Json(edge, "--clients", "3", "--requests", "9");
        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal(9, json.GetProperty("completed").GetInt32());
        Assert.Equal(3, most);
    }

    [Fact]
    public async Task Load_should_count_failures_by_kind_and_end_as_failed()
    {
        await using var edge = await EdgeFixture.StartAsync();
        int number = 0;
        edge.Gateway.Play = async (request, writer, stop) =>
        {
            int mine = Interlocked.Increment(ref number);
            if (mine % 3 != 0)
            {
                await FakeGateway.PlayTokens(2)(request, writer, stop);
                return;
            }
            await writer.WriteAsync(FakeGateway.Accepted(request), stop);
            await writer.WriteAsync(FakeGateway.Token(0), stop);
            await writer.WriteAsync(new StreamEvent.Finished(0, FinishReason.Cancelled, "", request.Prompt.Length, 1), stop);
        };
        var (code, json) = await Json(edge, "--clients", "2", "--requests", "6");
        Assert.Equal(ExitCodes.Failed, code);
        Assert.Equal(4, json.GetProperty("completed").GetInt32());
        Assert.Equal(2, json.GetProperty("errors").EnumerateObject().Sum(e => e.Value.GetInt32()));
        Assert.Equal(10, json.GetProperty("generated_tokens").GetInt64()); // the token of an answer that broke off was generated too
        Assert.Equal(4, Count(json, "latency"));
    }

    [Fact]
    public async Task Load_should_give_a_request_up_when_its_time_is_over()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (request, writer, stop) =>
        {
            await writer.WriteAsync(FakeGateway.Accepted(request), stop);
            await Task.Delay(Timeout.Infinite, stop);
        };
        var (code, json) = await Json(edge, "--clients", "1", "--requests", "1", "--timeout", "1");
        Assert.Equal(ExitCodes.Failed, code);
        Assert.Equal(1, json.GetProperty("errors").GetProperty("TimedOut").GetInt32());
    }

    [Fact]
    public async Task Load_should_end_as_unreachable_when_nobody_is_there()
    {
        string address;
        await using (var edge = await EdgeFixture.StartAsync())
            address = Address(edge);
        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => Run("bench", "--server", address));
        Assert.Equal(ExitCodes.Unreachable, failure.ExitCode);
    }

    [Theory]
    [InlineData("--shape", "nano", "--clients", "2")]
    [InlineData("--server", "127.0.0.1:1", "--shape", "nano")]
    [InlineData("--server", "127.0.0.1:1", "--batch", "4")]
    [InlineData("--server", "127.0.0.1:1", "--clients", "0")]
    [InlineData("--server", "127.0.0.1:1", "--requests", "-1")]
    [InlineData("--server", "nowhere")]
    public async Task Load_should_end_as_usage_when_its_options_contradict(params string[] args) =>
        Assert.Equal(ExitCodes.Usage, (await Assert.ThrowsAsync<CommandFailedException>(() => Run(["bench", .. args]))).ExitCode);

    [Fact]
    public void Histogram_should_know_percentiles_to_one_percent()
    {
        var histogram = new LatencyHistogram();
        // 0.1 ms to 1 s, as many of each decade; added in an order that is not sorted.
        double[] times = [.. Enumerable.Range(0, 4001).Select(i => Math.Pow(10, -4 + 4.0 * (i * 1009 % 4001) / 4000))];
        var half = new LatencyHistogram();
        for (int i = 0; i < times.Length; i++)
            (i % 2 == 0 ? half : histogram).Add(times[i]);
        histogram.Add(half);
        Array.Sort(times);
        foreach (double share in new[] { 0.01, 0.5, 0.9, 0.99, 1 })
            Assert.InRange(histogram.Percentile(share) / times[(int)Math.Ceiling(share * 4001) - 1], 0.99999, 1.0101);
        Assert.Equal((4001, 1.0), (histogram.Count, histogram.Max));
        Assert.Equal(times.Average() * 1000, histogram.Summary.Mean, 1e-6);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(1e-9)]
    [InlineData(3599.0)]
    [InlineData(1e9)]
    public void Histogram_should_take_any_time(double seconds)
    {
        var histogram = new LatencyHistogram();
        histogram.Add(seconds);
        Assert.True(histogram.Percentile(0.5) <= seconds);
        Assert.Equal(0, new LatencyHistogram().Percentile(0.5));
    }

    [Fact]
    public void Foreign_load_should_be_what_is_neither_idle_nor_waiting()
    {
        Assert.Equal((10 + 20 + 30 + 60 + 70 + 80, 10 + 20 + 30 + 40 + 50 + 60 + 70 + 80), ForeignLoad.Parse("cpu  10 20 30 40 50 60 70 80 5 5"));
        Assert.Null(ForeignLoad.Parse("cpu0 10 20 30 40 50 60 70 80 5 5"));
        Assert.Null(ForeignLoad.Parse(""));
    }

    private static int Count(JsonElement report, string figure) => report.GetProperty(figure).GetProperty("count").GetInt32();

    private static string Address(EdgeFixture edge) => $"{edge.Grpc.Host}:{edge.Grpc.Port}";

    private static async Task<(int Code, JsonElement Report)> Json(EdgeFixture edge, params string[] args)
    {
        var (code, output) = await Run(["bench", "--server", Address(edge), .. args, "-o", "json"]);
        return (code, JsonDocument.Parse(output).RootElement);
    }

    private static async Task<(int Code, string Output)> Run(params string[] args)
    {
        var root = new RootCommand { BenchVerb.Create() };
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await root.Parse(args).InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        return (code, output.ToString());
    }
}
