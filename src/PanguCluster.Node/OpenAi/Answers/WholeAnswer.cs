using System.Text;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Node.OpenAi;

/// <summary>Collects the choices of an answer that is sent in one piece.</summary>
public sealed class WholeAnswer(AnswerPlan plan)
{
    private readonly ChoiceProgress _progress = new(plan);
    private readonly StringBuilder[] _texts = [.. Enumerable.Range(0, plan.AllChoices).Select(_ => new StringBuilder())];
    private readonly List<AnswerToken>[] _tokens = [.. Enumerable.Range(0, plan.AllChoices).Select(_ => new List<AnswerToken>())];
    private readonly FinishReason[] _reasons = new FinishReason[plan.AllChoices];

    public bool Complete => _progress.Complete;
    public int CompletionTokens => _progress.CompletionTokens;

    public IReadOnlyList<ChoiceText> Choices =>
        [.. Enumerable.Range(0, plan.AllChoices).Select(i => new ChoiceText(_texts[i].ToString(), _tokens[i], _reasons[i]))];

    /// <exception cref="ApiException">The stream failed.</exception>
    public void Take(Arrival arrival)
    {
        switch (arrival.Happened)
        {
            case StreamEvent.Prompt prompt:
                for (int c = 0; c < plan.Choices; c++)
                    Add(_progress.ChoiceOf(arrival.Prompt, c), prompt);
                break;
            case StreamEvent.Token token:
                int choice = _progress.ChoiceOf(arrival.Prompt, token.Choice);
                if (_progress.Take(choice, token) is { } one)
                {
                    _texts[choice].Append(one.Text);
                    _tokens[choice].Add(one);
                }
                break;
            case StreamEvent.Finished finished:
                int ended = _progress.ChoiceOf(arrival.Prompt, finished.Choice);
                (string text, _reasons[ended]) = _progress.Take(ended, finished);
                _texts[ended].Append(text);
                break;
            case StreamEvent.Failed failed:
                throw new ApiException(ApiError.Of(failed));
        }
    }

    private void Add(int choice, StreamEvent.Prompt prompt)
    {
        var tokens = _progress.Take(choice, prompt)!;
        foreach (var token in tokens)
            _texts[choice].Append(token.Text);
        _tokens[choice].AddRange(tokens);
    }
}
