using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Model.Tests.Fixtures;

/// <summary>Keeps what an engine says about every sequence.</summary>
internal sealed class RecordingSink : ITokenSink
{
    public Dictionary<SequenceId, List<SampledToken>> Tokens { get; } = [];
    public Dictionary<SequenceId, List<ScoredToken>> Prompts { get; } = [];
    public Dictionary<SequenceId, (FinishReason Reason, int Prompt, int Generated, string? Detail)> Finished { get; } = [];

    /// <summary>Called inside OnToken, if set.</summary>
    public Action<SequenceId, SampledToken>? Then { get; set; }

    public int[] Ids(SequenceId id) => Tokens.TryGetValue(id, out var list) ? [.. list.Select(t => t.TokenId)] : [];

    public void OnToken(SequenceId id, in SampledToken token)
    {
        if (!Tokens.TryGetValue(id, out var list))
            Tokens[id] = list = [];
        list.Add(token);
        Then?.Invoke(id, token);
    }

    public void OnPrompt(SequenceId id, ScoredToken[] tokens)
    {
        if (!Prompts.TryGetValue(id, out var list))
            Prompts[id] = list = [];
        list.AddRange(tokens);
    }

    public void OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail) =>
        Finished.Add(id, (reason, promptTokens, generatedTokens, detail));
}
