using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>What the fields of a checked request are called by the caller of this API. The rules name a field before the first colon.</summary>
/// <param name="Prompt">messages or prompt.</param>
/// <param name="MaxTokens">max_tokens or max_completion_tokens, whichever the caller gave.</param>
/// <param name="Logprobs">logprobs or top_logprobs.</param>
public sealed record FieldNames(string Prompt, string MaxTokens, string Logprobs)
{
    private const string Messages = "chat.messages";
    private const string Ids = "token_ids.ids";
    private const string Sampling = "sampling.";

    /// <param name="prompt">Which of several prompts is at fault, or null.</param>
    public ApiException Translate(RequestError refused, int? prompt = null)
    {
        int colon = refused.Message.IndexOf(':', StringComparison.Ordinal);
        string field = refused.Message[..colon];
        string problem = refused.Message[(colon + 1)..].TrimStart();
        // What the clients' libraries look at to shorten a conversation.
        bool tooLong = problem.Contains("a context of", StringComparison.Ordinal) || problem.Contains("exceeds the context", StringComparison.Ordinal);
        return new ApiException(ApiError.Invalid(NameOf(field, prompt), problem, tooLong ? "context_length_exceeded" : null));
    }

    private string NameOf(string field, int? prompt)
    {
        string thisPrompt = prompt is { } index ? FormattableString.Invariant($"{Prompt}[{index}]") : Prompt;
        return field switch
        {
            "text" or "chat" or "prompt" or "token_ids" => thisPrompt,
            "max_tokens" => MaxTokens,
            "logprobs" => Logprobs,
            "session_id" => RequestFields.IdempotencyKey,
            _ when field.StartsWith(Messages, StringComparison.Ordinal) => Prompt + field[Messages.Length..],
            _ when field.StartsWith(Ids, StringComparison.Ordinal) => thisPrompt + field[Ids.Length..],
            _ when field.StartsWith(Sampling, StringComparison.Ordinal) => field[Sampling.Length..],
            _ => field,
        };
    }
}
