using Pangu.V1;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Services;

/// <summary>The one gate between a caller and the actors: a request leaves here either checked to the last field, or refused. Pure.</summary>
public static class GenerateRequestRules
{
    /// <param name="freshSession">Session id for a caller who gives none.</param>
    /// <param name="freshSeed">Seed for a caller who gives none.</param>
    /// <param name="deadline">When the caller gives up, or null.</param>
    /// <exception cref="RequestError">Names the field and the limit.</exception>
    public static GenerationRequest Check(
        GenerateRequest request, ServedModel model, string freshSession, ulong freshSeed, DateTimeOffset? deadline)
    {
        string session = request.SessionId.Length == 0 ? freshSession : SessionRules.CheckId(request.SessionId);
        if (request.HasN && request.N is < 1 or > RequestLimits.Choices)
            throw RequestError.Invalid($"n: {request.N}; give 1 .. {RequestLimits.Choices}");
        CheckStops(request, model);
        var sampling = SamplingRules.Check(
            request.Sampling, request.HasLogprobs ? request.Logprobs : null, model.VocabSize, freshSeed);
        if (request.HasMaxTokens && request.MaxTokens < 1)
            throw RequestError.Invalid($"max_tokens: {request.MaxTokens}; give at least 1");
        int[] prompt = PromptRules.ToIds(request, model);
        return new GenerationRequest(
            session, prompt, MaxTokens(request, prompt.Length, model), sampling, [.. request.Stop], [.. request.StopTokenIds], deadline)
        {
            Choices = request.HasN ? request.N : 1,
            Echo = request.Echo,
            Detached = request.Detached,
            NamedByCaller = request.SessionId.Length > 0,
            SeedPicked = request.Sampling is not { HasSeed: true },
        };
    }

    private static void CheckStops(GenerateRequest request, ServedModel model)
    {
        if (request.Stop.Count > RequestLimits.StopTexts)
            throw RequestError.Invalid($"stop: {request.Stop.Count} texts; the limit is {RequestLimits.StopTexts}");
        for (int i = 0; i < request.Stop.Count; i++)
            if (request.Stop[i].Length is 0 or > RequestLimits.StopTextLength)
                throw RequestError.Invalid($"stop[{i}]: {request.Stop[i].Length} characters; give 1 .. {RequestLimits.StopTextLength}");
        if (request.Stop.Count > 0)
            PromptRules.NeedCodec("stop", model);
        if (request.StopTokenIds.Count > RequestLimits.StopTokenIds)
            throw RequestError.Invalid($"stop_token_ids: {request.StopTokenIds.Count} ids; the limit is {RequestLimits.StopTokenIds}");
        PromptRules.CheckIds("stop_token_ids", request.StopTokenIds, model);
    }

    private static int MaxTokens(GenerateRequest request, int promptTokens, ServedModel model)
    {
        int room = model.ContextLength - promptTokens;
        if (!request.HasMaxTokens)
            return Math.Min(room, model.DefaultMaxTokens);
        return request.MaxTokens <= room
            ? request.MaxTokens
            : throw RequestError.Invalid(
                $"max_tokens: {request.MaxTokens} after a prompt of {promptTokens} tokens exceeds the context of {model.ContextLength}; give at most {room}");
    }
}
