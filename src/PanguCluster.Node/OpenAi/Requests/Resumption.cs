using System.Text.Json;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>
/// What a request with Last-Event-ID goes on with. Its body is that of the first request, or <c>{}</c>; the session's own record says what is
/// computed, the body only how it is shown (log probabilities, token counts, how many prompts there are). Pure.
/// </summary>
public static class Resumption
{
    /// <exception cref="ApiException">The body and the id do not belong together.</exception>
    public static AnswerPlan Plan(JsonElement body, LastEvent last, CompletionService.RequestReader read, ServedModel model)
    {
        var fields = new RequestFields(body);
        var request = fields.Has("prompt") || fields.Has("messages")
            ? read(body, model)
            : new ApiRequest([], new FieldNames("", "", "")) { Logprobs = null }.Delivered(fields);
        bool empty = request.Prompts.Count == 0;
        if (!request.Stream && !(empty && !fields.Has("stream")))
            throw new ApiException(ApiError.Invalid(RequestFields.LastEventId, "goes with stream: true"));
        int prompts = empty ? 1 : request.Prompts.Count;
        int choices = empty ? last.Next.Length : request.Choices;
        if (last.Next.Length != prompts * choices)
            throw new ApiException(ApiError.Invalid(
                RequestFields.LastEventId, $"tells of {last.Next.Length} choices; the request has {prompts * choices}"));
        return new AnswerPlan(request with { Stream = true }, last.Session, prompts, choices, last.Next);
    }
}
