using Pangu.V1;

namespace PanguCluster.Node.Services;

/// <summary>Turns the three kinds of prompt into token ids, or refuses them. Pure.</summary>
public static class PromptRules
{
    private static readonly string[] Roles = ["system", "user", "assistant", "tool", "function"];

    /// <exception cref="RequestError">Names the field and the limit.</exception>
    public static int[] ToIds(GenerateRequest request, ServedModel model) => request.PromptCase switch
    {
        GenerateRequest.PromptOneofCase.Text => Fits(FromText(request.Text, model), model),
        GenerateRequest.PromptOneofCase.Chat => Fits(FromChat(request.Chat, model), model),
        GenerateRequest.PromptOneofCase.TokenIds => FromIds(request.TokenIds.Ids, model),
        _ => throw RequestError.Invalid("prompt: missing; give one of text, token_ids, chat"),
    };

    /// <exception cref="RequestError">Names the field and the limit.</exception>
    public static int[] FromText(string text, ServedModel model)
    {
        var codec = NeedCodec("text", model);
        if (text.Length == 0)
            throw RequestError.Invalid("text: empty; give at least one character");
        CheckLength("text", text.Length, model);
        return codec.EncodeText(text);
    }

    /// <exception cref="RequestError">Names the field and the limit.</exception>
    public static int[] FromChat(Chat chat, ServedModel model)
    {
        var codec = NeedCodec("chat", model);
        int count = chat.Messages.Count;
        if (count is 0 or > RequestLimits.ChatMessages)
            throw RequestError.Invalid($"chat.messages: {count} messages; give 1 .. {RequestLimits.ChatMessages}");
        long characters = 0;
        for (int i = 0; i < count; i++)
        {
            var message = chat.Messages[i];
            if (!Roles.Contains(message.Role))
                throw RequestError.Invalid($"chat.messages[{i}].role: '{Shorten(message.Role)}' is none of {string.Join(", ", Roles)}");
            if (message.Role == "user" && message.Content.Length == 0)
                throw RequestError.Invalid($"chat.messages[{i}].content: empty; a user's message needs at least one character");
            characters += message.Content.Length;
        }
        CheckLength("chat", characters, model);
        return codec.EncodeChat([.. chat.Messages.Select(m => new ChatTurn(m.Role, m.Content))]);
    }

    private static int[] FromIds(IList<int> ids, ServedModel model)
    {
        if (ids.Count == 0)
            throw RequestError.Invalid("token_ids: empty; give at least one id");
        CheckFits("token_ids", ids.Count, model);
        CheckIds("token_ids.ids", ids, model);
        return [.. ids];
    }

    /// <exception cref="RequestError">Names the first id outside the vocabulary.</exception>
    public static void CheckIds(string field, IList<int> ids, ServedModel model)
    {
        for (int i = 0; i < ids.Count; i++)
            if (ids[i] < 0 || ids[i] >= model.VocabSize)
                throw RequestError.Invalid($"{field}[{i}]: {ids[i]} is out of range; the vocabulary is 0 .. {model.VocabSize - 1}");
    }

    /// <summary>The tokenizer, or a clear refusal of text.</summary>
    /// <exception cref="RequestError">The model has none.</exception>
    public static IPromptCodec NeedCodec(string field, ServedModel model) => model.Codec
        ?? throw RequestError.Invalid($"{field}: the model {model.Manifest.Name} has no tokenizer; send token_ids");

    private static int[] Fits(int[] ids, ServedModel model)
    {
        CheckFits("prompt", ids.Length, model);
        return ids;
    }

    private static void CheckFits(string field, int tokens, ServedModel model)
    {
        if (tokens > model.ContextLength - 1)
            throw RequestError.Invalid(
                $"{field}: {tokens} tokens; the limit is {model.ContextLength - 1} (a context of {model.ContextLength}, one left for the answer)");
    }

    private static void CheckLength(string field, long characters, ServedModel model)
    {
        long limit = (long)RequestLimits.CharactersPerPosition * model.ContextLength;
        if (characters > limit)
            throw RequestError.Invalid(
                $"{field}: {characters} characters; the limit is {limit} ({RequestLimits.CharactersPerPosition} for each of {model.ContextLength} positions)");
    }

    private static string Shorten(string text) => text.Length <= 32 ? text : text[..32] + "...";
}
