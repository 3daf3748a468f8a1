using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tokenization;

namespace PanguCluster.Actors.Streams;

/// <summary>The prompt on its way back to the caller: text pieces that concatenate to exactly the detokenized prompt.</summary>
internal sealed class EchoedPrompt(PanguTokenizer? tokenizer, int[] prompt)
{
    private readonly StreamingDetokenizer? _detokenizer = tokenizer is null ? null : new StreamingDetokenizer(tokenizer);

    /// <summary>Tokens given out.</summary>
    public int Count { get; private set; }

    public bool Complete => Count == prompt.Length;

    /// <summary>All that is left, without log probabilities.</summary>
    public StreamEvent.Prompt Rest()
    {
        var tokens = new List<PromptToken>(prompt.Length - Count);
        while (!Complete)
            tokens.Add(Next(float.NaN, null));
        return new StreamEvent.Prompt(tokens);
    }

    /// <summary>The next of these scored tokens: several decoders may bring them, in pieces. Null: nothing is new.</summary>
    public StreamEvent.Prompt? Take(IReadOnlyList<ScoredToken> scored)
    {
        var tokens = new List<PromptToken>(scored.Count);
        foreach (var token in scored)
            if (token.Index == Count && !Complete)
                tokens.Add(Next(token.Logprob, token.Top));
        return tokens.Count == 0 ? null : new StreamEvent.Prompt(tokens);
    }

    private PromptToken Next(float logprob, TokenLogprob[]? top)
    {
        int index = Count++;
        string text = _detokenizer?.Push(prompt[index]) ?? "";
        if (Complete)
            text += _detokenizer?.Flush();
        return new PromptToken(index, prompt[index], text, logprob, top);
    }
}
