using System.Globalization;
using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>The answer's text, or its ids where the model has no tokenizer, or a line per token when log probabilities are wanted.</summary>
public sealed class TextAnswerWriter(TextWriter output, bool ids, bool logprobs) : IAnswerWriter
{
    public async Task WriteAsync(GenerateEvent happened)
    {
        string piece = happened.EventCase switch
        {
            GenerateEvent.EventOneofCase.Token when logprobs => Line(happened.Token),
            GenerateEvent.EventOneofCase.Token when ids => (happened.Token.Index > 0 ? "," : "") + Number(happened.Token.TokenId),
            GenerateEvent.EventOneofCase.Token => happened.Token.Text,
            GenerateEvent.EventOneofCase.Finished when logprobs => "",
            GenerateEvent.EventOneofCase.Finished => happened.Finished.Text + output.NewLine,
            _ => "",
        };
        await output.WriteAsync(piece).ConfigureAwait(false);
        await output.FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Index, id, log probability, text, then the alternatives, with tabs between.</summary>
    private string Line(Token token)
    {
        var alternatives = token.TopLogprobs.Select(t => $"{Number(t.TokenId)}:{Log(t.Logprob)}");
        string text = token.Text.Replace("\n", "\\n", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal);
        return $"{Number(token.Index)}\t{Number(token.TokenId)}\t{Log(token.Logprob)}\t{text}\t{string.Join(' ', alternatives)}{output.NewLine}";
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Log(float value) => value.ToString("0.0000", CultureInfo.InvariantCulture);
}
