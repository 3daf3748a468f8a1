using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Pangu.V1;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace PanguCluster.Client.Extensions;

/// <summary>
/// A <see cref="PanguClient"/> as the <see cref="IChatClient"/> of Microsoft.Extensions.AI: text in, text out. Tools, response formats and
/// contents other than text are refused, never dropped in silence. Disposing it leaves the client open.
/// </summary>
/// <param name="defaults">What the options of a call leave open, or null.</param>
internal sealed class PanguChatClient(PanguClient client, GenerateOptions? defaults) : IChatClient
{
    private readonly ChatClientMetadata _metadata = new("pangu", new Uri(client.Servers[0].Contains("://", StringComparison.Ordinal)
        ? client.Servers[0]
        : "http://" + client.Servers[0]));

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var generate = ChatMapping.Options(options, defaults);
        var completion = await client.CompleteAsync(ChatMapping.Prompt(messages, options), generate, cancellationToken).ConfigureAwait(false);
        var choice = completion.Choices[0];
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, choice.Text) { MessageId = completion.SessionId })
        {
            ResponseId = completion.SessionId, ModelId = completion.Model, FinishReason = ChatMapping.Reason(choice.End),
            Usage = ChatMapping.Usage(completion.PromptTokens, choice.GeneratedTokens), RawRepresentation = completion,
        };
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var generate = ChatMapping.Options(options, defaults);
        var request = generate.ToRequest(ChatMapping.Prompt(messages, options));
        var accepted = new Accepted();
        await foreach (var happened in client.GenerateAsync(request, generate.Timeout, cancellationToken).ConfigureAwait(false))
        {
            accepted = happened.Accepted ?? accepted;
            if (AnswerPiece.Of(happened) is not { } piece || (piece.Text.Length == 0 && piece.End is null))
                continue;
            var update = new ChatResponseUpdate(ChatRole.Assistant, piece.Text)
            {
                ResponseId = accepted.SessionId, MessageId = accepted.SessionId, ModelId = accepted.Model, RawRepresentation = happened,
            };
            if (piece.End is { } end)
            {
                update.FinishReason = ChatMapping.Reason(end);
                update.Contents.Add(new UsageContent(ChatMapping.Usage(accepted.PromptTokens, happened.Finished.Usage?.GeneratedTokens ?? 0)));
            }
            yield return update;
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType.IsInstanceOfType(this) ? this
            : serviceType.IsInstanceOfType(client) ? client
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : null;
    }

    public void Dispose()
    {
        // The client belongs to whoever made it.
    }
}
