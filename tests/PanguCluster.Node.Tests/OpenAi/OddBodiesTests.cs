using PanguCluster.Node.OpenAi;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.OpenAi;

public class OddBodiesTests
{
    private static readonly string[] Fields =
    [
        "model", "messages", "prompt", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty",
        "presence_penalty", "frequency_penalty", "seed", "n", "stop", "stop_token_ids", "logprobs", "top_logprobs", "echo", "suffix", "best_of",
        "stream", "stream_options", "detached", "logit_bias", "tools", "tool_choice", "functions", "function_call", "response_format", "modalities",
        "audio", "prediction", "web_search_options", "user",
    ];

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "2147483648", "-9223372036854775809", "18446744073709551616", "1e999", "-1e-999", "0.1", "\"\"", "\"x\"",
        "\"\\ud800\"", "\"\\u0000\"", "[]", "[0]", "[[]]", "[[0]]", "[null]", "[\"\"]", "[\"x\",\"y\"]", "[{}]", "[\"\\udc00\"]", "{}", "{\"\":null}",
        "{\"type\":\"text\"}", "{\"include_usage\":null}", "[{\"role\":null}]", "[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "[1,\"x\"]",
    ];

    [Fact]
    public void Body_should_be_read_or_refused_and_nothing_else_when_any_field_has_any_value()
    {
        var model = TestModel.Create();
        foreach (CompletionService.RequestReader read in (CompletionService.RequestReader[])[ChatRequests.Read, CompletionRequests.Read])
            foreach (string field in Fields)
                foreach (string value in Values)
                {
                    // The odd field comes last and so takes the place of the good one.
                    string body = $$"""{"messages":[{"role":"user","content":"x"}],"prompt":"x","{{field}}":{{value}} }""";
                    var failed = Record.Exception(() => read(Bodies.Json(body), model).Check(model, null, "fresh", 7, ""));
                    Assert.True(failed is null or ApiException, $"{body}: {failed}");
                }
    }
}
