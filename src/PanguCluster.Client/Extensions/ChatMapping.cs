using System.Text;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace PanguCluster.Client.Extensions;

/// <summary>Between the words of Microsoft.Extensions.AI and ours.</summary>
internal static class ChatMapping
{
    /// <exception cref="NotSupportedException">Something is asked for that the models cannot do.</exception>
    public static GenerateOptions Options(ChatOptions? options, GenerateOptions? defaults)
    {
        var result = defaults ?? new GenerateOptions();
        if (options is null)
            return Single(result);
        Refuse(options.Tools is { Count: > 0 }, nameof(options.Tools));
        Refuse(options.ToolMode is not null and not NoneChatToolMode and not AutoChatToolMode, nameof(options.ToolMode));
        Refuse(options.ResponseFormat is not null and not ChatResponseFormatText, nameof(options.ResponseFormat));
        Refuse(options.ConversationId is not null, nameof(options.ConversationId));
        Refuse(options.ContinuationToken is not null, nameof(options.ContinuationToken));
        Refuse(options.Reasoning is not null, nameof(options.Reasoning));
        return Single(result with
        {
            MaxTokens = options.MaxOutputTokens ?? result.MaxTokens,
            Temperature = options.Temperature ?? result.Temperature,
            TopP = options.TopP ?? result.TopP,
            TopK = options.TopK ?? result.TopK,
            FrequencyPenalty = options.FrequencyPenalty ?? result.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? result.PresencePenalty,
            // All 64 bits are a seed.
            Seed = options.Seed is { } seed ? unchecked((ulong)seed) : result.Seed,
            Stop = options.StopSequences is { Count: > 0 } stop ? [.. stop] : result.Stop,
        });
    }

    /// <exception cref="NotSupportedException">A content is no text.</exception>
    public static PromptInput Prompt(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        var all = messages.Select(m => (m.Role.Value, Text(m)));
        return PromptInput.Chat(options?.Instructions is { Length: > 0 } instructions ? all.Prepend((ChatRole.System.Value, instructions)) : all);
    }

    public static ChatFinishReason? Reason(FinishReason end) => end switch
    {
        FinishReason.Stop => ChatFinishReason.Stop,
        FinishReason.Length => ChatFinishReason.Length,
        FinishReason.Unspecified => null,
        _ => new ChatFinishReason(end.ToString().ToLowerInvariant()),
    };

    public static UsageDetails Usage(int prompt, int generated) =>
        new() { InputTokenCount = prompt, OutputTokenCount = generated, TotalTokenCount = prompt + generated };

    private static string Text(ChatMessage message)
    {
        var text = new StringBuilder();
        foreach (var content in message.Contents)
            switch (content)
            {
                case TextContent part:
                    text.Append(part.Text);
                    break;
                // A reply that is sent back with the next question carries these.
                case UsageContent or TextReasoningContent:
                    break;
                default:
                    throw new NotSupportedException($"messages: {content.GetType().Name} in a {message.Role} message; only text is supported.");
            }
        return text.ToString();
    }

    /// <summary>A chat has one answer, and no echo of the question in it.</summary>
    private static GenerateOptions Single(GenerateOptions options) => options with { Choices = 1, Echo = false };

    private static void Refuse(bool asked, string what)
    {
        if (asked)
            throw new NotSupportedException($"ChatOptions.{what} is not supported by this client.");
    }
}
