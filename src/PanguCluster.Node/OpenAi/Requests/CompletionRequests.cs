using System.Text.Json;
using Pangu.V1;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>Reads the body of <c>POST /v1/completions</c>. Pure.</summary>
public static class CompletionRequests
{
    /// <summary>Prompts of one request; each is a session of its own.</summary>
    public const int Prompts = 128;

    /// <summary>What OpenAI's own server takes when the caller names no limit.</summary>
    private const int DefaultMaxTokens = 16;

    /// <param name="body">A JSON object.</param>
    /// <exception cref="ApiException">Names the field.</exception>
    public static ApiRequest Read(JsonElement body, ServedModel model)
    {
        var fields = new RequestFields(body);
        SharedFields.CheckModel(fields, model);
        fields.NotServed("suffix", SharedFields.IsEmpty, "leave it unset");
        var request = SharedFields.Read(fields);
        if (fields.Whole("best_of") is { } best && best != (request.HasN ? request.N : 1))
            throw new ApiException(ApiError.Invalid("best_of", "not served; give as many as n", "unsupported_parameter"));
        request.Echo = fields.Flag("echo");
        int most = fields.Whole("max_tokens") ?? DefaultMaxTokens;
        bool promptOnly = most == 0 && request.Echo;
        request.MaxTokens = promptOnly ? 1 : most;
        if (fields.Whole("logprobs") is { } logprobs)
            request.Logprobs = logprobs;
        return new ApiRequest([.. PromptsOf(fields, request)], new FieldNames("prompt", "max_tokens", "logprobs"))
        {
            Logprobs = request.HasLogprobs,
            PromptOnly = promptOnly,
        }.Delivered(fields);
    }

    private static IEnumerable<GenerateRequest> PromptsOf(RequestFields fields, GenerateRequest request)
    {
        if (fields["prompt"] is not { } prompt)
            throw new ApiException(ApiError.Invalid("prompt", "missing; give a text, token ids, or an array of either"));
        if (prompt.ValueKind != JsonValueKind.Array)
            return [With(request, prompt, "prompt")];
        int count = prompt.GetArrayLength();
        if (count == 0)
            throw new ApiException(ApiError.Invalid("prompt", "empty; give at least one text or token id"));
        if (prompt[0].ValueKind == JsonValueKind.Number)
            return [With(request, prompt, "prompt")];
        if (count > Prompts)
            throw new ApiException(ApiError.Invalid("prompt", $"{count} prompts; the limit is {Prompts}"));
        return prompt.EnumerateArray().Select((one, i) => With(request, one, $"prompt[{i}]"));
    }

    private static GenerateRequest With(GenerateRequest request, JsonElement prompt, string name)
    {
        var asked = request.Clone();
        if (prompt.ValueKind == JsonValueKind.Array)
            asked.TokenIds = new TokenIds { Ids = { RequestFields.IdsOf(prompt, name) } };
        else
            asked.Text = RequestFields.TextOf(prompt, name);
        return asked;
    }
}
