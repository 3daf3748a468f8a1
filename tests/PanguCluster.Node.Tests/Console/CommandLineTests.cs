using PanguCluster.Node.Console;
using PanguCluster.Node.Local;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Console;

public class CommandLineTests
{
    [Theory]
    [InlineData("bogus")]
    [InlineData("generate", "x", "--bogus")]
    [InlineData("generate", "x", "--max-tokens", "many")]
    [InlineData("generate")]
    [InlineData("generate", "x", "--ids", "1")]
    [InlineData("generate", "--ids", "1,x")]
    [InlineData("generate", "x", "-o", "xml")]
    [InlineData("generate", "x", "--from", "3")]
    [InlineData("generate", "x", "--resume", "s")]
    [InlineData("generate", "--resume", "s", "--n", "2")]
    [InlineData("generate", "--resume", "s", "--from", "-1")]
    [InlineData("generate", "--resume", "s", "--from", "x")]
    [InlineData("sessions", "--state", "asleep")]
    [InlineData("sessions", "--limit", "0")]
    [InlineData("verify")]
    [InlineData("cancel")]
    [InlineData("status", "--server", "nowhere")]
    [InlineData("status", "--timeout", "0")]
    [InlineData("serve", "--grpc", "0.0.0.0:1")]
    [InlineData("serve", "--model", "/no/such")]
    [InlineData("serve", "--config", "/no/such.json")]
    [InlineData("up", "--nodes", "0")]
    [InlineData("up", "--nodes", "33")]
    [InlineData("up", "--kernels", "cuda")]
    [InlineData("up", "--base-port", "80")]
    public async Task Pangu_should_end_with_2_and_one_line_when_the_command_line_is_wrong(params string[] args)
    {
        var (code, output, error) = await Run(args);

        Assert.Equal(ExitCodes.Usage, code);
        Assert.Empty(output);
        Assert.StartsWith("pangu: ", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("status")]
    [InlineData("nodes")]
    [InlineData("groups")]
    [InlineData("generate", "hello")]
    [InlineData("generate", "--resume", "s")]
    [InlineData("sessions")]
    [InlineData("verify", "s")]
    [InlineData("cancel", "s", "--yes")]
    [InlineData("operations")]
    [InlineData("events")]
    [InlineData("events", "--follow")]
    [InlineData("cordon", "n", "--yes")]
    [InlineData("uncordon", "n", "--yes")]
    [InlineData("drain", "n", "--yes")]
    [InlineData("rebalance", "--yes")]
    [InlineData("rebalance", "--simulate")]
    [InlineData("scale", "3", "--yes")]
    [InlineData("abort", "op", "--yes")]
    public async Task Pangu_should_end_with_3_when_no_server_answers(params string[] args)
    {
        string server = FreePorts.Find(1, 1, FreePorts.AnyStart, 1)[0].ToString();

        var (code, _, error) = await Run([.. args, "--server", server]);

        Assert.Equal(ExitCodes.Unreachable, code);
        Assert.Contains(server, error, StringComparison.Ordinal);
        Assert.Contains("pangu up", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("up")]
    [InlineData("serve")]
    [InlineData("generate")]
    [InlineData("status")]
    [InlineData("nodes")]
    [InlineData("groups")]
    [InlineData("sessions")]
    [InlineData("verify")]
    [InlineData("cancel")]
    [InlineData("operations")]
    [InlineData("events")]
    [InlineData("cordon")]
    [InlineData("uncordon")]
    [InlineData("drain")]
    [InlineData("rebalance")]
    [InlineData("scale")]
    [InlineData("abort")]
    [InlineData("pack")]
    [InlineData("inspect")]
    [InlineData("perplexity")]
    [InlineData("bench")]
    public async Task Help_should_end_with_an_example_when_asked(string verb)
    {
        var (code, output, error) = await Run(verb, "--help");

        Assert.Equal((ExitCodes.Done, ""), (code, error));
        Assert.Matches($@"Examples?:\s+pangu {verb}", output);
    }

    [Fact]
    public async Task Generate_should_print_the_text_when_the_server_answers()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (code, output, _) = await Run("generate", "hi", "--server", edge.Grpc.Authority);

        Assert.Equal((ExitCodes.Done, "t0 t1 t2 end" + Environment.NewLine), (code, output));
    }

    [Fact]
    public async Task Generate_should_try_the_next_server_when_one_is_down()
    {
        await using var edge = await EdgeFixture.StartAsync();
        string down = FreePorts.Find(1, 1, FreePorts.AnyStart, 1)[0].ToString();

        var (code, output, _) = await Run("generate", "hi", "--server", down, "--server", edge.Grpc.Authority);

        Assert.Equal((ExitCodes.Done, "t0 t1 t2 end" + Environment.NewLine), (code, output));
    }

    [Fact]
    public async Task Generate_should_send_what_the_options_say_when_all_are_given()
    {
        await using var edge = await EdgeFixture.StartAsync();

        await Run("generate", "@hi", "--max-tokens", "5", "--temperature", "0.5", "--top-k", "7", "--top-p", "0.25", "--min-p", "0.125",
            "--repetition-penalty", "1.5", "--presence-penalty", "-1", "--frequency-penalty", "1", "--seed", "18446744073709551615",
            "--stop", "a", "--stop", "b", "--stop-id", "9", "--stop-token-id", "8", "--logprobs", "3", "--session-id", "s1", "--n", "2", "--echo", "--server", edge.Grpc.Authority);

        var sent = Assert.Single(edge.Gateway.Requests);
        Assert.Equal(("s1", 5, ulong.MaxValue), (sent.SessionId, sent.MaxTokens, sent.Sampling.Seed));
        Assert.Equal((0.5f, 7, 0.25f, 0.125f, 1.5f, -1f, 1f, 3), (sent.Sampling.Temperature, sent.Sampling.TopK, sent.Sampling.TopP, sent.Sampling.MinP,
            sent.Sampling.RepetitionPenalty, sent.Sampling.PresencePenalty, sent.Sampling.FrequencyPenalty, sent.Sampling.Logprobs));
        Assert.Equal((2, true, false), (sent.Choices, sent.Echo, sent.Detached));
        Assert.Equal(["a", "b"], sent.StopStrings);
        Assert.Equal([9, 8], sent.StopTokenIds);
        Assert.Equal([1, '@' + 3, 'h' + 3, 'i' + 3], sent.Prompt);
    }

    [Fact]
    public async Task Generate_should_print_one_snake_case_object_per_event_when_json_is_asked_for()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (_, output, _) = await Run("generate", "--ids", "1,2", "--logprobs", "1", "-o", "json", "--server", edge.Grpc.Authority);

        string[] lines = output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(5, lines.Length);
        Assert.Contains("\"session_id\"", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"prompt_tokens\": 2", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"choice\": 0, \"index\": 0, \"token_id\": 100", lines[1], StringComparison.Ordinal);
        Assert.Contains("\"top_logprobs\": [ { \"token_id\": 0, \"logprob\": 0 } ]", lines[1], StringComparison.Ordinal);
        Assert.Contains("\"reason\": \"length\"", lines[4], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_should_print_ids_when_the_model_has_no_tokenizer()
    {
        await using var edge = await EdgeFixture.StartAsync(tokenizer: false);

        var (code, output, _) = await Run("generate", "--ids", "1,2", "--server", edge.Grpc.Authority);

        Assert.Equal((ExitCodes.Done, "100,101,102end" + Environment.NewLine), (code, output));
    }

    [Fact]
    public async Task Generate_should_end_with_2_and_the_server_s_words_when_the_request_is_refused()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (code, output, error) = await Run("generate", "hi", "--temperature", "NaN", "--server", edge.Grpc.Authority);

        Assert.Equal((ExitCodes.Usage, ""), (code, output));
        Assert.Contains("sampling.temperature: NaN", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Groups_should_show_every_group_and_the_imbalance_when_asked()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (_, table, _) = await Run("groups", "--server", edge.Grpc.Authority);
        var (_, json, _) = await Run("groups", "-o", "json", "--server", edge.Grpc.Authority);

        Assert.Matches(@"GROUP +STATE +NODE +INCARNATION +ROWS +SIZE", table);
        Assert.Matches(@"2 +Ready +n2 +2 +12 +1000 B", table);
        Assert.Contains("imbalance score 0", table, StringComparison.Ordinal);
        Assert.Contains("\"imbalance_score\": 0,", json, StringComparison.Ordinal);
        Assert.Contains("\"node_id\": \"n2\"", json, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', table);
    }

    [Fact]
    public async Task Status_and_nodes_should_show_load_when_asked()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (_, status, _) = await Run("status", "--server", edge.Grpc.Authority);
        var (_, nodes, _) = await Run("nodes", "--server", edge.Grpc.Authority);

        Assert.Matches(@"groups +3 of 3 ready", status);
        Assert.Matches(@"imbalance +0\b", status);
        Assert.Matches(@"n1 +Up +decoder,expert,gateway +2 +127.0.0.1:2 +avx2 +1 +2 +30/32 +400 +11.3 %", nodes);
        Assert.Matches(@"journal +recording", status);
        Assert.Matches(@"prefix cache +11.3 % of prompt positions", status);
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        int code = await CommandLine.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
