using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Pangu.V1;
using PanguCluster.Client.Tests.Scripted;
using Xunit;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace PanguCluster.Client.Tests;

public class ChatClientTests
{
    private const string Text = "c0t0 c0t1 c0t3 c0t4 end";

    [Fact]
    public async Task Response_should_carry_text_usage_and_reason_and_the_request_all_options()
    {
        await using var servers = await Servers.StartAsync();
        using var chat = servers.Client.AsChatClient(new GenerateOptions { MinP = 0.25f });

        var response = await chat.GetResponseAsync(
            [new ChatMessage(ChatRole.System, "be brief"), new ChatMessage(ChatRole.User, [new TextContent("he"), new TextContent("llo")])],
            new ChatOptions
            {
                Instructions = "first", MaxOutputTokens = 6, Temperature = 0.5f, TopP = 0.75f, TopK = 9, Seed = -1, StopSequences = ["\n"], FrequencyPenalty = 1, PresencePenalty = -1,
            });

        Assert.Equal((Text, ChatFinishReason.Length, "scripted"), (response.Text, response.FinishReason, response.ModelId));
        Assert.Equal((5, 6, 11), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount));
        var sent = Assert.IsType<GenerateRequest>(Assert.Single(servers.Script.Calls));
        Assert.Equal(response.ResponseId, sent.SessionId);
        Assert.Equal(
            [("system", "first"), ("system", "be brief"), ("user", "hello")], sent.Chat.Messages.Select(m => (m.Role, m.Content)));
        Assert.Equal(
            new Sampling { Temperature = 0.5f, TopP = 0.75f, TopK = 9, MinP = 0.25f, FrequencyPenalty = 1, PresencePenalty = -1, Seed = ulong.MaxValue }, sent.Sampling);
        Assert.Equal((6, "\n"), (sent.MaxTokens, Assert.Single(sent.Stop)));
    }

    [Fact]
    public async Task Updates_should_add_up_to_the_response_when_streamed_over_a_break()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(3, BreakKind.CutConnection));
        using var chat = servers.Client.AsChatClient();

        var response = await chat.GetStreamingResponseAsync("hello").ToChatResponseAsync();

        Assert.Equal((Text, ChatFinishReason.Length, 6), (response.Text, response.FinishReason, response.Usage!.OutputTokenCount));
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
    }

    [Fact]
    public async Task Request_should_be_refused_when_it_asks_for_what_the_models_cannot_do()
    {
        await using var servers = await Servers.StartAsync(1);
        using var chat = servers.Client.AsChatClient();

        var refused = await Assert.ThrowsAsync<NotSupportedException>(
            () => chat.GetResponseAsync("x", new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1, "one")] }));
        Assert.Contains("Tools", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<NotSupportedException>(() => chat.GetResponseAsync("x", new ChatOptions { ResponseFormat = ChatResponseFormat.Json }));
        await Assert.ThrowsAsync<NotSupportedException>(
            () => chat.GetResponseAsync([new ChatMessage(ChatRole.User, [new UriContent("http://localhost/cat.png", "image/png")])]));
        Assert.Empty(servers.Script.Calls);
    }

    [Fact]
    public async Task Services_should_be_found_when_asked_for_by_type()
    {
        await using var server = await ScriptedServer.StartAsync(new Script());
        await using var services = new ServiceCollection().AddPanguClient([server.Address]).BuildServiceProvider();
        var chat = services.GetRequiredService<IChatClient>();

        Assert.Equal(Text, (await chat.GetResponseAsync("hello")).Text);
        Assert.Same(services.GetRequiredService<PanguClient>(), chat.GetService<PanguClient>());
        Assert.Equal($"http://{server.Address}/", chat.GetService<ChatClientMetadata>()!.ProviderUri!.ToString());
        Assert.Null(chat.GetService<string>());
    }
}
