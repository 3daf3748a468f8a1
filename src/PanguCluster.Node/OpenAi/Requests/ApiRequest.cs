using Pangu.V1;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>What a body asks for, in this cluster's own terms: one request per prompt, and how the answer is to look.</summary>
/// <param name="Prompts">At least one, alike but for the prompt; none when the body only goes on with a session.</param>
/// <param name="Names">How the fields of those are called in this API.</param>
public sealed record ApiRequest(IReadOnlyList<GenerateRequest> Prompts, FieldNames Names)
{
    public bool Stream { get; init; }

    /// <summary>A last chunk with the token counts.</summary>
    public bool IncludeUsage { get; init; }

    /// <summary>Null: where there are any.</summary>
    public bool? Logprobs { get; init; }

    /// <summary>The prompt is all that is wanted: the one token that is computed behind it is dropped.</summary>
    public bool PromptOnly { get; init; }

    public int Choices => Prompts.Count > 0 && Prompts[0].HasN ? Prompts[0].N : 1;

    /// <summary>The checked requests. Several prompts are sessions of their own, named <c>session.0</c>, <c>session.1</c>, ...</summary>
    /// <param name="named">The caller's idempotency key, or null.</param>
    /// <param name="fresh">Name for a caller who gives none.</param>
    /// <exception cref="ApiException">Names the field, as this API calls it, and the limit.</exception>
    public IReadOnlyList<GenerationRequest> Check(ServedModel model, string? named, string fresh, ulong freshSeed, string owner)
    {
        var requests = new GenerationRequest[Prompts.Count];
        for (int i = 0; i < requests.Length; i++)
            try
            {
                Prompts[i].SessionId = named is null ? "" : SessionRules.CheckId(SessionOf(named, i));
                var request = GenerateRequestRules.Check(Prompts[i], model, SessionOf(fresh, i), freshSeed, deadline: null);
                requests[i] = request with { Owner = owner };
            }
            catch (RequestError refused)
            {
                throw Names.Translate(refused, Prompts.Count > 1 ? i : null);
            }
        return requests;
    }

    /// <summary>Name of the session of one prompt.</summary>
    public string SessionOf(string name, int prompt) => Prompts.Count > 1 ? FormattableString.Invariant($"{name}.{prompt}") : name;
}
