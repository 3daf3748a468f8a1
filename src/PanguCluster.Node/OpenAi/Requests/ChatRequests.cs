using System.Text;
using System.Text.Json;
using Pangu.V1;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>Reads the body of <c>POST /v1/chat/completions</c>. Pure.</summary>
public static class ChatRequests
{
    private const string LeaveUnset = "leave it unset";

    /// <param name="body">A JSON object.</param>
    /// <exception cref="ApiException">Names the field.</exception>
    public static ApiRequest Read(JsonElement body, ServedModel model)
    {
        var fields = new RequestFields(body);
        SharedFields.CheckModel(fields, model);
        RefuseWhatIsNotServed(fields);
        var request = SharedFields.Read(fields);
        string maxTokens = fields.Has("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
        if (fields.Whole(maxTokens) is { } most)
            request.MaxTokens = most;
        bool logprobs = fields.Flag("logprobs");
        int? top = fields.Whole("top_logprobs");
        if (top is > 0 && !logprobs)
            throw new ApiException(ApiError.Invalid("top_logprobs", "needs logprobs: true"));
        if (logprobs)
            request.Logprobs = top ?? 0;
        request.Chat = Conversation(fields);
        return new ApiRequest([request], new FieldNames("messages", maxTokens, "top_logprobs")) { Logprobs = logprobs }.Delivered(fields);
    }

    private static Chat Conversation(RequestFields fields)
    {
        if (fields["messages"] is not { } messages)
            throw new ApiException(ApiError.Invalid("messages", "missing; give at least one message"));
        if (messages.ValueKind != JsonValueKind.Array)
            throw fields.WrongType("messages", "an array of messages");
        if (messages.GetArrayLength() > RequestLimits.ChatMessages)
            throw new ApiException(ApiError.Invalid("messages", $"{messages.GetArrayLength()} messages; give 1 .. {RequestLimits.ChatMessages}"));
        var chat = new Chat();
        foreach (var message in messages.EnumerateArray())
        {
            string path = $"messages[{chat.Messages.Count}]";
            if (message.ValueKind != JsonValueKind.Object)
                throw new ApiException(ApiError.Invalid(path, "expected an object"));
            chat.Messages.Add(Message(new RequestFields(message, path + ".")));
        }
        return chat;
    }

    private static ChatMessage Message(RequestFields message)
    {
        foreach (string calls in (string[])["tool_calls", "function_call", "audio"])
            message.NotServed(calls, SharedFields.IsEmpty, LeaveUnset);
        string role = message.Text("role") ?? throw new ApiException(ApiError.Invalid(message.PathOf("role"), "missing"));
        return new ChatMessage { Role = role == "developer" ? "system" : role, Content = Content(message) };
    }

    /// <summary>A text, or parts of kind text, which are put together.</summary>
    private static string Content(RequestFields message)
    {
        if (message["content"] is not { ValueKind: JsonValueKind.Array } parts)
            return message.Text("content") ?? "";
        var text = new StringBuilder();
        int index = 0;
        foreach (var part in parts.EnumerateArray())
        {
            string path = $"{message.PathOf("content")}[{index++}]";
            if (part.ValueKind != JsonValueKind.Object)
                throw new ApiException(ApiError.Invalid(path, "expected an object"));
            var fields = new RequestFields(part, path + ".");
            if (fields.Text("type") != "text")
                throw new ApiException(ApiError.Invalid(fields.PathOf("type"), "this model reads text; give parts of type 'text'"));
            text.Append(fields.Text("text"));
        }
        return text.ToString();
    }

    private static void RefuseWhatIsNotServed(RequestFields fields)
    {
        foreach (string name in (string[])["tools", "functions", "audio", "prediction", "web_search_options"])
            fields.NotServed(name, SharedFields.IsEmpty, LeaveUnset);
        foreach (string name in (string[])["tool_choice", "function_call"])
            fields.NotServed(name, value => IsText(value, "none") || IsText(value, "auto"), LeaveUnset);
        fields.NotServed("modalities", value => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(m => IsText(m, "text")), "give ['text']");
        fields.NotServed("response_format", IsPlainText, "give {'type': 'text'}");
    }

    private static bool IsPlainText(JsonElement format) =>
        format.ValueKind == JsonValueKind.Object && format.TryGetProperty("type"u8, out var type) && IsText(type, "text");

    private static bool IsText(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);
}
