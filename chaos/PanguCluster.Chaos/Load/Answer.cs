using System.Text;
using Pangu.V1;

namespace PanguCluster.Chaos.Load;

/// <summary>
/// Everything a caller saw of one answer. Choices run beside each other in no fixed order, so each is kept by itself; the text of a choice
/// is the concatenation of its pieces.
/// </summary>
internal sealed class Answer(int choices)
{
    private readonly List<Token>[] _tokens = [.. Enumerable.Range(0, choices).Select(_ => new List<Token>())];
    private readonly Finished?[] _finished = new Finished?[choices];
    private readonly List<PromptToken> _prompt = [];
    private readonly List<string> _faults = [];

    public int Tokens => _tokens.Sum(t => t.Count);

    /// <summary>Order within a choice is checked at once: a token lost or repeated is a fault whatever the comparison says.</summary>
    public void Add(GenerateEvent happened)
    {
        switch (happened.EventCase)
        {
            case GenerateEvent.EventOneofCase.Prompt:
                _prompt.AddRange(happened.Prompt.Tokens);
                break;
            case GenerateEvent.EventOneofCase.Token:
                var token = happened.Token;
                if (token.Index != _tokens[token.Choice].Count)
                    _faults.Add($"choice {token.Choice}: index {token.Index} came where {_tokens[token.Choice].Count} was due");
                _tokens[token.Choice].Add(token);
                break;
            case GenerateEvent.EventOneofCase.Finished:
                if (_finished[happened.Finished.Choice] is not null)
                    _faults.Add($"choice {happened.Finished.Choice}: finished twice");
                _finished[happened.Finished.Choice] = happened.Finished;
                break;
        }
    }

    /// <summary>The first difference to what an undisturbed run gave; null: none.</summary>
    public string? DifferenceTo(Answer expected)
    {
        if (_faults.Count > 0)
            return _faults[0];
        if (!_prompt.SequenceEqual(expected._prompt))
            return "the echoed prompt differs";
        for (int c = 0; c < choices; c++)
        {
            for (int i = 0; i < Math.Min(_tokens[c].Count, expected._tokens[c].Count); i++)
                if (!_tokens[c][i].Equals(expected._tokens[c][i]))
                    return $"choice {c}, token {i}: {_tokens[c][i]} instead of {expected._tokens[c][i]}";
            if (_tokens[c].Count != expected._tokens[c].Count)
                return $"choice {c}: {_tokens[c].Count} tokens instead of {expected._tokens[c].Count}";
            if (!Equals(_finished[c], expected._finished[c]))
                return $"choice {c}: {_finished[c]?.ToString() ?? "not finished"} instead of {expected._finished[c]}";
        }
        return null;
    }

    public string Text(int choice) =>
        _tokens[choice].Aggregate(new StringBuilder(), (text, token) => text.Append(token.Text)).Append(_finished[choice]?.Text).ToString();
}
