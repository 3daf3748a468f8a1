using PanguCluster.Node.OpenAi;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.OpenAi;

public class CompletionRequestsTests
{
    [Theory]
    [InlineData("""{"prompt":"ab"}""", "1 100 101")]
    [InlineData("""{"prompt":["ab","c"]}""", "1 100 101|1 102")]
    [InlineData("""{"prompt":[5,6]}""", "5 6")]
    [InlineData("""{"prompt":[[5,6],[7]]}""", "5 6|7")]
    public void Prompts_should_become_a_request_each_when_they_are_texts_or_ids(string body, string expected)
    {
        var request = Bodies.Completion(body);

        var asked = request.Check(TestModel.Create(), null, "s", 7, "");

        Assert.Equal(expected, string.Join('|', asked.Select(r => string.Join(' ', r.Prompt))));
        Assert.Equal(asked.Count == 1 ? ["s"] : ["s.0", "s.1"], asked.Select(r => r.SessionId));
        Assert.All(asked, r => Assert.Equal((16, -1), (r.MaxTokens, r.Sampling.Logprobs)));
    }

    [Fact]
    public void Completion_should_ask_for_one_token_and_drop_it_when_only_the_prompt_is_wanted()
    {
        var request = Bodies.Completion("""{"prompt":"ab","max_tokens":0,"echo":true,"logprobs":0}""");

        var asked = Assert.Single(request.Check(TestModel.Create(), null, "s", 7, ""));

        Assert.True(request.PromptOnly);
        Assert.Equal((1, true, 0), (asked.MaxTokens, asked.Echo, asked.Sampling.Logprobs));
    }

    [Theory]
    [InlineData("prompt", null, """{}""")]
    [InlineData("prompt", null, """{"prompt":[]}""")]
    [InlineData("prompt", null, """{"prompt":""}""")]
    [InlineData("prompt", null, """{"prompt":{"text":"x"}}""")]
    [InlineData("prompt[1]", null, """{"prompt":["a",5]}""")]
    [InlineData("prompt[1]", null, """{"prompt":[5,"a"]}""")]
    [InlineData("prompt[1]", null, """{"prompt":["a",""]}""")]
    [InlineData("prompt[1]", null, """{"prompt":[5,300]}""")]
    [InlineData("prompt[1][0]", null, """{"prompt":[[5],[300]]}""")]
    [InlineData("prompt[0][1]", null, """{"prompt":[[5,"x"]]}""")]
    [InlineData("max_tokens", null, """{"prompt":"a","max_tokens":0}""")]
    [InlineData("max_tokens", "context_length_exceeded", """{"prompt":"a","max_tokens":128}""")]
    [InlineData("logprobs", null, """{"prompt":"a","logprobs":true}""")]
    [InlineData("logprobs", null, """{"prompt":"a","logprobs":21}""")]
    [InlineData("suffix", "unsupported_parameter", """{"prompt":"a","suffix":"b"}""")]
    [InlineData("best_of", "unsupported_parameter", """{"prompt":"a","best_of":2}""")]
    public void Completion_should_be_refused_by_the_name_of_the_field_when_one_is_wrong(string param, string? code, string body)
    {
        var error = Bodies.Refusal(CompletionRequests.Read, body);

        Assert.Equal((400, param, code), (error.Status, error.Param, error.Code));
        Assert.StartsWith(param + ": ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Completion_should_be_refused_when_there_are_too_many_or_too_long_prompts()
    {
        string many = $$"""{"prompt":[{{string.Join(',', Enumerable.Repeat("\"x\"", CompletionRequests.Prompts + 1))}}]}""";
        string @long = $$"""{"prompt":["{{new string('x', TestModel.Context)}}","y"]}""";

        Assert.Equal($"prompt: {CompletionRequests.Prompts + 1} prompts; the limit is {CompletionRequests.Prompts}", Bodies.Refusal(CompletionRequests.Read, many).Message);
        Assert.Equal(("prompt[0]", "context_length_exceeded"), (Bodies.Refusal(CompletionRequests.Read, @long).Param, Bodies.Refusal(CompletionRequests.Read, @long).Code));
    }
}
