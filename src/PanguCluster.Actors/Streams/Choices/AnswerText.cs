using PanguCluster.Model.Tokenization;

namespace PanguCluster.Actors.Streams;

/// <summary>From an answer's tokens to its text: whole characters only, nothing of a stop string.</summary>
internal sealed class AnswerText
{
    private readonly StreamingDetokenizer? _detokenizer;
    private readonly StopStringMatcher _stops;

    public AnswerText(PanguTokenizer? tokenizer, IEnumerable<string> stopStrings)
    {
        _detokenizer = tokenizer is null ? null : new StreamingDetokenizer(tokenizer);
        _stops = new StopStringMatcher(stopStrings);
    }

    /// <summary>A stop string has come: the answer is over.</summary>
    public bool Stopped => _stops.Matched;

    public string Push(int tokenId) => _detokenizer is null ? "" : _stops.Push(_detokenizer.Push(tokenId));

    /// <summary>What was held back and belongs to the answer after all.</summary>
    public string End()
    {
        if (_detokenizer is null || _stops.Matched)
            return "";
        string rest = _stops.Push(_detokenizer.Flush());
        return rest + _stops.Flush();
    }
}
