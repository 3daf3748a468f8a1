using PanguCluster.Chaos.Processes;
using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text.Json;
using OpenAI;
using OpenAI.Chat;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>OpenAI's own packages, for Node.js and .NET, before a real node that asks for keys.</summary>
public sealed class OpenAiClientTests : IDisposable
{
    private const string Model = "pangu-nano";

    private readonly string _folder = Directory.CreateTempSubdirectory("pangu-openai-").FullName;

    private string Keys => Path.Combine(_folder, "keys.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<(ServeNode Node, string Key)> StartAsync()
    {
        var made = await RunningProgram.RunPanguAsync("keys", "new", Keys, "--name", "client", "--role", "client");
        Assert.True(made.Code == 0, made.Error);
        return (await ServeNode.StartReadyAsync("--model", Repository.Nano, "--api-keys", Keys, "--log-level", "trace"), made.Output.Trim());
    }

    [Fact]
    public async Task Node_package_should_get_answers_logprobs_and_mapped_errors_when_it_talks_to_a_node()
    {
        await Nodejs.InstallAsync(Repository.OpenAiClient);
        var (node, key) = await StartAsync();
        await using var running = node;

        var ended = await Nodejs.RunAsync(Repository.OpenAiClient, "node", "client.js", $"http://{node.Http}/v1", Model, key);

        Assert.True(ended.Code == 0, ended.Error);
        var seen = JsonDocument.Parse(ended.Output).RootElement;
        JsonElement At(params string[] path) => path.Aggregate(seen, (at, name) => int.TryParse(name, out int i) ? at[i] : at.GetProperty(name));
        Assert.Equal((Model, Model), (At("models", "0").GetString(), At("model").GetString()));

        string answer = At("whole", "choices", "0", "message", "content").GetString()!;
        Assert.Contains("85", answer, StringComparison.Ordinal);
        Assert.Equal((answer, "stop"), (At("streamed", "text", "0").GetString(), At("streamed", "reasons", "0").GetString()));
        Assert.Equal(At("whole", "choices", "0", "logprobs", "content").GetRawText(), At("streamed", "logprobs").GetRawText());
        Assert.Equal(At("whole", "usage").GetRawText(), At("streamed", "usage").GetRawText());
        var tokens = At("whole", "choices", "0", "logprobs", "content").EnumerateArray().ToList();
        Assert.Equal(At("whole", "usage", "completion_tokens").GetInt32(), tokens.Count);
        Assert.All(tokens, t => Assert.Equal(t.GetProperty("token").GetString(), t.GetProperty("top_logprobs")[0].GetProperty("token").GetString()));
        Assert.Equal(answer, System.Text.Encoding.UTF8.GetString([.. tokens.SelectMany(t => t.GetProperty("bytes").EnumerateArray()).Select(b => b.GetByte())]));

        string[] choices = [.. At("choices").EnumerateArray().Select(c => c.GetString()!)];
        Assert.Equal(3, choices.Length);
        Assert.Equal(choices, At("streamedChoices").EnumerateArray().Select(c => c.GetString()));
        Assert.Equal((answer[..answer.IndexOf('5', StringComparison.Ordinal)], "stop"),
            (At("stopped", "message", "content").GetString(), At("stopped", "finish_reason").GetString()));

        Assert.Equal("Once upon a time there was", At("echoed", "text").GetString()!.TrimStart());
        var logprobs = At("echoed", "logprobs", "token_logprobs").EnumerateArray().ToList();
        Assert.Equal(JsonValueKind.Null, logprobs[0].ValueKind);
        Assert.All(logprobs[1..], l => Assert.True(l.GetDouble() < 0));
        Assert.All(At("echoed", "logprobs", "top_logprobs").EnumerateArray().Skip(1), t => Assert.InRange(t.EnumerateObject().Count(), 2, 3));
        Assert.Equal(logprobs.Count, At("echoed", "logprobs", "text_offset").GetArrayLength());

        Assert.Equal([0, 1, 2, 3], At("several").EnumerateArray().Select(c => c[0].GetInt32()));
        Assert.Equal(At("several", "0", "1").GetString(), At("several", "1", "1").GetString());
        Assert.NotEqual(At("several", "0", "1").GetString(), At("several", "2", "1").GetString());
        Assert.Equal(4, At("ids", "logprobs", "tokens").GetArrayLength());

        AssertRefusal(At("refusals", "model"), "NotFoundError", 404, "model_not_found", "model");
        AssertRefusal(At("refusals", "temperature"), "BadRequestError", 400, null, "temperature");
        AssertRefusal(At("refusals", "tools"), "BadRequestError", 400, "unsupported_parameter", "tools");
        AssertRefusal(At("refusals", "length"), "BadRequestError", 400, "context_length_exceeded", "max_tokens");
        AssertRefusal(At("refusals", "key"), "AuthenticationError", 401, "invalid_api_key", null);
        foreach (string secret in (string[])["38+47", "Once upon", key, key[15..]])
            Assert.DoesNotContain(secret, node.Program.Error, StringComparison.Ordinal);
    }

    private static void AssertRefusal(JsonElement refusal, string name, int status, string? code, string? param) => Assert.Equal(
        (name, status, code, param),
        (refusal.GetProperty("name").GetString(), refusal.GetProperty("status").GetInt32(), refusal.GetProperty("code").GetString(), refusal.GetProperty("param").GetString()));

    [Fact]
    public async Task Dotnet_package_should_get_answers_logprobs_and_mapped_errors_when_it_talks_to_a_node()
    {
        var (node, key) = await StartAsync();
        await using var running = node;
        ChatClient ClientOf(string model, string with) => new(model, new ApiKeyCredential(with), new OpenAIClientOptions
        {
            Endpoint = new Uri($"http://{node.Http}/v1"), RetryPolicy = new ClientRetryPolicy(0),
        });
        var client = ClientOf(Model, key);
        ChatMessage[] messages = [new UserChatMessage("What is 38+47?")];
        var options = new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 60, IncludeLogProbabilities = true, TopLogProbabilityCount = 2 };

        ChatCompletion whole = await client.CompleteChatAsync(messages, options);
        string text = "";
        var logprobs = new List<(string, float)>();
        ChatFinishReason? reason = null;
        ChatTokenUsage? usage = null;
        await foreach (var update in client.CompleteChatStreamingAsync(messages, options))
        {
            text += string.Concat(update.ContentUpdate.Select(p => p.Text));
            logprobs.AddRange(update.ContentTokenLogProbabilities.Select(t => (t.Token, t.LogProbability)));
            reason = update.FinishReason ?? reason;
            usage = update.Usage ?? usage;
        }

        Assert.Contains("85", whole.Content[0].Text, StringComparison.Ordinal);
        Assert.Equal((whole.Content[0].Text, ChatFinishReason.Stop, whole.FinishReason), (text, reason, ChatFinishReason.Stop));
        Assert.Equal(whole.ContentTokenLogProbabilities.Select(t => (t.Token, t.LogProbability)), logprobs);
        Assert.Equal((whole.Usage.InputTokenCount, whole.Usage.OutputTokenCount), (usage?.InputTokenCount, usage?.OutputTokenCount));
        Assert.Equal(whole.Usage.OutputTokenCount, whole.ContentTokenLogProbabilities.Count);
        Assert.StartsWith("fp_", whole.SystemFingerprint, StringComparison.Ordinal);

        options.StopSequences.Add("5");
        ChatCompletion stopped = await client.CompleteChatAsync(messages, options);
        Assert.Equal(whole.Content[0].Text[..whole.Content[0].Text.IndexOf('5', StringComparison.Ordinal)], stopped.Content[0].Text);

        Task<ClientResultException> Refused(ChatClient by, ChatCompletionOptions with) => Assert.ThrowsAsync<ClientResultException>(() => by.CompleteChatAsync(messages, with));
        var model = await Refused(ClientOf("gpt-4", key), new ChatCompletionOptions());
        var field = await Refused(client, new ChatCompletionOptions { Temperature = -1 });
        var stranger = await Refused(ClientOf(Model, "wrong"), new ChatCompletionOptions());
        Assert.Equal((404, 400, 401), (model.Status, field.Status, stranger.Status));
        Assert.Contains("model_not_found", model.Message, StringComparison.Ordinal);
        Assert.Contains("temperature: -1", field.Message, StringComparison.Ordinal);
    }
}
