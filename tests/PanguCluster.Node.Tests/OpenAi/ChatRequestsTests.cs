using PanguCluster.Node.OpenAi;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.OpenAi;

public class ChatRequestsTests
{
    private const string Ask = """ "messages":[{"role":"user","content":"hi"}] """;

    [Fact]
    public void Chat_should_become_a_request_when_every_served_field_is_given()
    {
        var request = Bodies.Chat($$"""
            {"model":"test-model",{{Ask}},"max_completion_tokens":5,"temperature":0.5,"top_p":0.9,"top_k":7,"min_p":0.1,"repetition_penalty":1.2,
             "presence_penalty":0.3,"frequency_penalty":-0.4,"seed":-1,"n":2,"stop":["a","b"],"stop_token_ids":[9],"logprobs":true,"top_logprobs":3,
             "stream":true,"stream_options":{"include_usage":true},"user":"me","detached":true,"store":false,"tools":[],"tool_choice":"none",
             "response_format":{"type":"text"},"logit_bias":{},"parallel_tool_calls":null,"what_comes_next_year":{"x":[1]} }
            """);

        var asked = Assert.Single(request.Check(TestModel.Create(), "mine", "fresh", 7, "k1"));
        Assert.Equal((true, true, true, false), (request.Stream, request.IncludeUsage, request.Logprobs, request.PromptOnly));
        Assert.Equal(("mine", true, false, "k1", 2, true, 5), (asked.SessionId, asked.NamedByCaller, asked.SeedPicked, asked.Owner, asked.Choices, asked.Detached, asked.MaxTokens));
        Assert.Equal(["a", "b"], asked.StopStrings);
        Assert.Equal([9], asked.StopTokenIds);
        var sampling = asked.Sampling;
        Assert.Equal((0.5f, 0.9f, 7, 0.1f, 1.2f), (sampling.Temperature, sampling.TopP, sampling.TopK, sampling.MinP, sampling.RepetitionPenalty));
        Assert.Equal((0.3f, -0.4f, ulong.MaxValue, 3), (sampling.PresencePenalty, sampling.FrequencyPenalty, sampling.Seed, sampling.Logprobs));
        Assert.Equal(TestModel.Create().Codec!.EncodeText("user:hi;"), asked.Prompt);
    }

    [Fact]
    public void Chat_should_take_the_defaults_when_only_messages_are_given()
    {
        var asked = Assert.Single(Bodies.Chat($$"""{{{Ask}}}""").Check(TestModel.Create(), null, "fresh", 7, ""));

        Assert.Equal(("fresh", false, true, 1, 1f, 7UL, -1), (asked.SessionId, asked.NamedByCaller, asked.SeedPicked, asked.Choices, asked.Sampling.Temperature, asked.Sampling.Seed, asked.Sampling.Logprobs));
        Assert.Equal(TestModel.Context - asked.Prompt.Length, asked.MaxTokens);
    }

    [Fact]
    public void Chat_should_put_parts_together_and_call_a_developer_the_system_when_messages_are_of_the_newer_kind()
    {
        var request = Bodies.Chat("""
            {"messages":[{"role":"developer","content":"be brief"},
                         {"role":"user","name":"x","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                         {"role":"assistant","content":null,"tool_calls":[]},{"role":"user","content":"c"}]}
            """);

        var messages = request.Prompts[0].Chat.Messages;
        Assert.Equal(["system:be brief", "user:ab", "assistant:", "user:c"], messages.Select(m => $"{m.Role}:{m.Content}"));
    }

    [Theory]
    [InlineData("messages", null, """{}""")]
    [InlineData("messages", null, """{"messages":"hi"}""")]
    [InlineData("messages", null, """{"messages":[]}""")]
    [InlineData("messages[0]", null, """{"messages":["hi"]}""")]
    [InlineData("messages[0].role", null, """{"messages":[{"content":"x"}]}""")]
    [InlineData("messages[0].role", null, """{"messages":[{"role":"king","content":"x"}]}""")]
    [InlineData("messages[1].content", null, """{"messages":[{"role":"system","content":"x"},{"role":"user","content":""}]}""")]
    [InlineData("messages[0].content", null, """{"messages":[{"role":"user","content":"\ud800"}]}""")]
    [InlineData("messages[0].content", null, """{"messages":[{"role":"user","content":7}]}""")]
    [InlineData("messages[0].content[0].type", null, """{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}""")]
    [InlineData("messages[0].tool_calls", "unsupported_parameter", """{"messages":[{"role":"assistant","tool_calls":[{}]}]}""")]
    [InlineData("model", "model_not_found", """{"model":"gpt-4"}""")]
    [InlineData("model", null, """{"model":4}""")]
    [InlineData("tools", "unsupported_parameter", """{"tools":[{}]}""")]
    [InlineData("tool_choice", "unsupported_parameter", """{"tool_choice":"required"}""")]
    [InlineData("response_format", "unsupported_parameter", """{"response_format":{"type":"json_object"}}""")]
    [InlineData("modalities", "unsupported_parameter", """{"modalities":["text","audio"]}""")]
    [InlineData("audio", "unsupported_parameter", """{"audio":{"voice":"x"}}""")]
    [InlineData("logit_bias", "unsupported_parameter", """{"logit_bias":{"5":1}}""")]
    [InlineData("max_tokens", null, """{"max_tokens":0,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("max_tokens", null, """{"max_tokens":1.5}""")]
    [InlineData("max_tokens", null, """{"max_tokens":"9"}""")]
    [InlineData("max_tokens", null, """{"max_tokens":3000000000}""")]
    [InlineData("max_tokens", "context_length_exceeded", """{"max_tokens":200,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("max_completion_tokens", "context_length_exceeded", """{"max_completion_tokens":200,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("temperature", null, """{"temperature":-1,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("temperature", null, """{"temperature":"hot"}""")]
    [InlineData("top_p", null, """{"top_p":0,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("frequency_penalty", null, """{"frequency_penalty":1e999,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("n", null, """{"n":17,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("top_logprobs", null, """{"top_logprobs":2}""")]
    [InlineData("top_logprobs", null, """{"logprobs":true,"top_logprobs":21,"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("logprobs", null, """{"logprobs":1}""")]
    [InlineData("seed", null, """{"seed":1.5}""")]
    [InlineData("stop", null, """{"stop":5}""")]
    [InlineData("stop[1]", null, """{"stop":["a",5]}""")]
    [InlineData("stop[0]", null, """{"stop":[""],"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("stop_token_ids[0]", null, """{"stop_token_ids":[300],"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("stream", null, """{"stream":"yes","messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("stream_options", null, """{"stream_options":[],"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("stream_options.include_usage", null, """{"stream_options":{"include_usage":1},"messages":[{"role":"user","content":"x"}]}""")]
    public void Chat_should_be_refused_by_the_name_of_the_field_when_one_is_wrong(string param, string? code, string body)
    {
        var error = Bodies.Refusal(ChatRequests.Read, body);

        Assert.Equal((param, code), (error.Param, error.Code));
        Assert.StartsWith(param + ": ", error.Message, StringComparison.Ordinal);
        Assert.Equal(code == "model_not_found" ? 404 : 400, error.Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789")]
    public void Check_should_name_the_header_when_the_idempotency_key_is_no_session_name(string key)
    {
        var request = Bodies.Chat($$"""{{{Ask}}}""");

        var error = Assert.Throws<ApiException>(() => request.Check(TestModel.Create(), key, "fresh", 7, "")).Error;

        Assert.Equal((400, "Idempotency-Key"), (error.Status, error.Param));
    }
}
