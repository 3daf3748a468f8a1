using System.Text.Json;
using Pangu.V1;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>
/// The fields that both kinds of completion have, and the extensions (top_k, min_p, repetition_penalty, stop_token_ids, detached). Pure.
/// </summary>
internal static class SharedFields
{
    /// <exception cref="ApiException">Another model than the one served.</exception>
    public static void CheckModel(RequestFields fields, ServedModel served)
    {
        if (fields.Text("model") is { } model && model != served.Manifest.Name)
            throw new ApiException(ApiError.UnknownModel(model.Length <= 64 ? model : model[..64] + "...", served.Manifest.Name));
    }

    /// <summary>Everything but the prompt, the limit and the log probabilities.</summary>
    public static GenerateRequest Read(RequestFields fields)
    {
        fields.NotServed("logit_bias", IsEmpty, "leave it unset");
        var request = new GenerateRequest { Sampling = Sampling(fields), Detached = fields.Flag("detached") };
        request.Stop.AddRange(fields.Texts("stop"));
        request.StopTokenIds.AddRange(fields.Ids("stop_token_ids"));
        if (fields.Whole("n") is { } choices)
            request.N = choices;
        return request;
    }

    /// <summary>How the answer is delivered.</summary>
    public static ApiRequest Delivered(this ApiRequest request, RequestFields fields) => request with
    {
        Stream = fields.Flag("stream"),
        IncludeUsage = fields.Object("stream_options") is { } options && options.Flag("include_usage"),
    };

    public static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.ValueEquals(""u8),
        _ => false,
    };

    private static Sampling Sampling(RequestFields fields)
    {
        var sampling = new Sampling();
        if (fields.Number("temperature") is { } temperature)
            sampling.Temperature = temperature;
        if (fields.Number("top_p") is { } topP)
            sampling.TopP = topP;
        if (fields.Whole("top_k") is { } topK)
            sampling.TopK = topK == -1 ? 0 : topK; // -1 is how others say that it is off.
        if (fields.Number("min_p") is { } minP)
            sampling.MinP = minP;
        if (fields.Number("repetition_penalty") is { } repetition)
            sampling.RepetitionPenalty = repetition;
        if (fields.Number("presence_penalty") is { } presence)
            sampling.PresencePenalty = presence;
        if (fields.Number("frequency_penalty") is { } frequency)
            sampling.FrequencyPenalty = frequency;
        if (fields.Seed("seed") is { } seed)
            sampling.Seed = seed;
        return sampling;
    }
}
