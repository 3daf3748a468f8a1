using Pangu.V1;

namespace PanguCluster.Client;

/// <summary>What to answer: a text to continue, a conversation, or token ids.</summary>
public sealed class PromptInput
{
    private readonly object _prompt;

    private PromptInput(object prompt) => _prompt = prompt;

    /// <summary>A text to be continued. A string is one by itself.</summary>
    public static PromptInput Text(string text) => new(text);

    /// <summary>A conversation, which the model goes on with as the assistant.</summary>
    /// <param name="messages">Role (system, user, assistant, tool, function) and content of every message.</param>
    public static PromptInput Chat(params IEnumerable<(string Role, string Content)> messages) =>
        new(new Chat { Messages = { messages.Select(m => new ChatMessage { Role = m.Role, Content = m.Content }) } });

    /// <summary>Token ids, fed as they are.</summary>
    public static PromptInput TokenIds(params IEnumerable<int> ids) => new(new TokenIds { Ids = { ids } });

    public static implicit operator PromptInput(string text) => Text(text);

    internal void WriteTo(GenerateRequest request)
    {
        switch (_prompt)
        {
            case Chat chat:
                request.Chat = chat.Clone();
                break;
            case TokenIds ids:
                request.TokenIds = ids.Clone();
                break;
            default:
                request.Text = (string)_prompt;
                break;
        }
    }
}
