using System.Globalization;
using System.Text;
using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>
/// The answer's text, or its ids where the model has no tokenizer, or a line per token when log probabilities come. Of several choices one
/// is streamed, under a line that names it, while the others wait for their turn.
/// </summary>
/// <param name="choices">How many there are; 0: not known.</param>
public sealed class TextAnswerWriter(TextWriter output, bool ids, int choices) : IAnswerWriter
{
    private readonly Dictionary<int, Choice> _choices = [];
    private int _turn;
    private bool _prompt;
    private bool _promptLines;

    private sealed class Choice
    {
        public StringBuilder Waiting { get; } = new();
        public bool Begun { get; set; }
        public bool Lines { get; set; }
        public bool Ended { get; set; }
    }

    public async Task WriteAsync(GenerateEvent happened)
    {
        switch (happened.EventCase)
        {
            case GenerateEvent.EventOneofCase.Prompt:
                foreach (var token in happened.Prompt.Tokens)
                    await output.WriteAsync(Piece(token)).ConfigureAwait(false);
                break;
            case GenerateEvent.EventOneofCase.Token:
                var to = Of(happened.Token.Choice);
                to.Waiting.Append(Piece(happened.Token, to, HasHeading(happened.Token.Choice)));
                break;
            case GenerateEvent.EventOneofCase.Finished:
                var ended = Of(happened.Finished.Choice);
                ended.Waiting.Append(ended.Lines ? "" : happened.Finished.Text + output.NewLine);
                ended.Ended = true;
                break;
        }
        await WriteTurnsAsync().ConfigureAwait(false);
        await output.FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Writes what the choice at turn has, and goes on to the next one behind its end.</summary>
    private async Task WriteTurnsAsync()
    {
        while (_choices.TryGetValue(_turn, out var choice))
        {
            if (!choice.Begun)
                await output.WriteAsync(Heading()).ConfigureAwait(false);
            choice.Begun = true;
            await output.WriteAsync(choice.Waiting).ConfigureAwait(false);
            choice.Waiting.Clear();
            if (!choice.Ended)
                return;
            _turn++;
        }
    }

    private string Heading()
    {
        string heading = HasHeading(_turn) ? $"--- choice {Number(_turn)} ---{output.NewLine}" : "";
        return _prompt && !_promptLines && _turn == 0 && heading.Length > 0 ? output.NewLine + heading : heading;
    }

    private bool HasHeading(int choice) => choices > 1 || choice > 0 || _promptLines;

    private Choice Of(int choice)
    {
        if (!_choices.TryGetValue(choice, out var known))
            _choices.Add(choice, known = new Choice());
        return known;
    }

    private string Piece(Token token, Choice choice, bool heading)
    {
        bool first = !choice.Begun && choice.Waiting.Length == 0;
        choice.Lines |= token.HasLogprob;
        if (choice.Lines)
            return Line(token.Index, token.TokenId, Log(token.Logprob), token.Text, token.TopLogprobs);
        return ids ? (first && (heading || !_prompt) ? "" : ",") + Number(token.TokenId) : token.Text;
    }

    private string Piece(PromptToken token)
    {
        bool first = !_prompt;
        // The first token of a prompt has no log probability; the second tells whether there are any.
        bool lines = token.HasLogprob || (_promptLines && !first);
        string piece = lines ? Line(token.Index, token.TokenId, Log(token.Logprob), token.Text, token.TopLogprobs)
            : ids ? (first ? "" : ",") + Number(token.TokenId)
            : token.Text;
        if (lines && !_promptLines)
            piece = (first ? "" : output.NewLine) + piece;
        (_prompt, _promptLines) = (true, _promptLines || lines);
        return piece;
    }

    /// <summary>Index, id, log probability, text, then the alternatives, with tabs between.</summary>
    private string Line(int index, int tokenId, string logprob, string text, IEnumerable<TopLogprob> top)
    {
        var alternatives = top.Select(t => $"{Number(t.TokenId)}:{Log(t.Logprob)}");
        text = text.Replace("\n", "\\n", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal);
        return $"{Number(index)}\t{Number(tokenId)}\t{logprob}\t{text}\t{string.Join(' ', alternatives)}{output.NewLine}";
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Log(float value) => value.ToString("0.0000", CultureInfo.InvariantCulture);
}
