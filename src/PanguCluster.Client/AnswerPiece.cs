using Pangu.V1;

namespace PanguCluster.Client;

/// <summary>
/// A piece of an answer: a token and the text that it completes, or the end of a choice. The texts of a choice's pieces concatenate to
/// exactly its answer.
/// </summary>
/// <param name="Choice">0-based.</param>
/// <param name="Text">Empty while a character, or what may be a stop text, is incomplete.</param>
/// <param name="Token">Null at the end of the choice, which may bring the last text.</param>
/// <param name="End">Why the choice ended; null before.</param>
public sealed record AnswerPiece(int Choice, string Text, AnswerToken? Token, FinishReason? End)
{
    /// <summary>The text.</summary>
    public override string ToString() => Text;

    /// <summary>The event's piece, or null for one that is none.</summary>
    internal static AnswerPiece? Of(GenerateEvent happened) => happened.EventCase switch
    {
        GenerateEvent.EventOneofCase.Token => new AnswerPiece(happened.Token.Choice, happened.Token.Text, AnswerToken.Of(happened.Token), null),
        GenerateEvent.EventOneofCase.Finished =>
            new AnswerPiece(happened.Finished.Choice, happened.Finished.Text, null, (FinishReason)happened.Finished.Reason),
        _ => null,
    };
}

/// <param name="Index">0-based position in the answer, or in the prompt.</param>
/// <param name="Logprob">Natural log of its probability, before penalties, temperature and truncation; null unless asked for.</param>
/// <param name="Top">The most likely tokens at its position, most likely first; empty unless asked for.</param>
public sealed record AnswerToken(int Index, int Id, string Text, float? Logprob, IReadOnlyList<TokenLogprob> Top)
{
    internal static AnswerToken Of(Token token) =>
        new(token.Index, token.TokenId, token.Text, token.HasLogprob ? token.Logprob : null, Logprobs(token.TopLogprobs));

    internal static AnswerToken Of(PromptToken token) =>
        new(token.Index, token.TokenId, token.Text, token.HasLogprob ? token.Logprob : null, Logprobs(token.TopLogprobs));

    private static IReadOnlyList<TokenLogprob> Logprobs(IReadOnlyList<TopLogprob> top) =>
        top.Count == 0 ? [] : [.. top.Select(t => new TokenLogprob(t.TokenId, t.Logprob))];
}

/// <param name="Logprob">Natural log of the token's probability.</param>
public readonly record struct TokenLogprob(int Id, float Logprob);

/// <summary>Why a choice ended.</summary>
public enum FinishReason
{
    /// <summary>The server did not say.</summary>
    Unspecified = 0,

    /// <summary>An end token, a stop token or a stop text.</summary>
    Stop = 1,

    /// <summary>The most tokens, or the context, are used up.</summary>
    Length = 2,

    /// <summary>Somebody cancelled the session.</summary>
    Cancelled = 3,

    /// <summary>The model failed.</summary>
    Error = 4,
}
