using System.Text;
using Pangu.V1;

namespace PanguCluster.Client;

/// <summary>A whole answer.</summary>
/// <param name="Seed">The same request with it gives the same answer.</param>
/// <param name="Model">Name of the model.</param>
/// <param name="PromptTokens">Length of the prompt.</param>
/// <param name="Prompt">Its tokens, if they were asked for with <see cref="GenerateOptions.Echo"/>; else empty.</param>
/// <param name="Choices">In their order; at least one.</param>
public sealed record Completion(
    string SessionId, ulong Seed, string Model, int PromptTokens, IReadOnlyList<AnswerToken> Prompt, IReadOnlyList<CompletionChoice> Choices)
{
    /// <summary>Text of the first choice.</summary>
    public string Text => Choices[0].Text;

    /// <summary>Tokens generated, of all choices.</summary>
    public int GeneratedTokens => Choices.Sum(c => c.GeneratedTokens);

    internal static async Task<Completion> OfAsync(IAsyncEnumerable<GenerateEvent> events)
    {
        var accepted = new Accepted();
        var prompt = new List<AnswerToken>();
        var choices = new SortedDictionary<int, Building>();
        await foreach (var happened in events.ConfigureAwait(false))
        {
            if (happened.Accepted is { } first)
                accepted = first;
            else if (happened.Prompt is { } echoed)
                prompt.AddRange(echoed.Tokens.Select(AnswerToken.Of));
            else if (AnswerPiece.Of(happened) is { } piece)
            {
                if (!choices.TryGetValue(piece.Choice, out var choice))
                    choices.Add(piece.Choice, choice = new Building());
                choice.Text.Append(piece.Text);
                if (piece.Token is { } token)
                    choice.Tokens.Add(token);
                choice.Finished ??= happened.Finished;
            }
        }
        return new Completion(
            accepted.SessionId, accepted.Seed, accepted.Model, accepted.PromptTokens, prompt,
            [.. choices.Select(c => new CompletionChoice(
                c.Key, c.Value.Text.ToString(), c.Value.Tokens, (FinishReason)(c.Value.Finished?.Reason ?? 0), c.Value.Finished?.Usage?.GeneratedTokens ?? 0))]);
    }

    private sealed class Building
    {
        public StringBuilder Text { get; } = new();
        public List<AnswerToken> Tokens { get; } = [];
        public Finished? Finished { get; set; }
    }
}

/// <param name="Index">0-based.</param>
/// <param name="GeneratedTokens">As the server counts them.</param>
public sealed record CompletionChoice(int Index, string Text, IReadOnlyList<AnswerToken> Tokens, FinishReason End, int GeneratedTokens);
