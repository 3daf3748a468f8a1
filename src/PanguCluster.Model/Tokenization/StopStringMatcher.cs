using System.Text;

namespace PanguCluster.Model.Tokenization;

/// <summary>
/// Watches a growing text for stop strings. Text that may be the beginning of one is held back; no part of the one that matched is ever
/// given out. What is given out depends on the text alone, not on the pieces it came in: the match that is complete first counts, the
/// longest of those. One per stream.
/// </summary>
public sealed class StopStringMatcher
{
    private readonly string[] _stops;
    private readonly StringBuilder _scratch = new();
    private string _held = "";

    /// <param name="stops">Compared character for character; none empty.</param>
    /// <exception cref="ArgumentException">A stop string is empty.</exception>
    public StopStringMatcher(IEnumerable<string> stops)
    {
        _stops = [.. stops];
        for (int i = 0; i < _stops.Length; i++)
            if (string.IsNullOrEmpty(_stops[i]))
                throw new ArgumentException($"stop: string {i} is empty", nameof(stops));
    }

    /// <summary>Whether a stop string has come. From then on nothing more is given out.</summary>
    public bool Matched { get; private set; }

    /// <summary>Adds text and returns what is safe to show now: the piece itself, with nothing allocated, when nothing is held.</summary>
    public string Push(string piece)
    {
        if (Matched || piece.Length == 0)
            return "";
        if (_stops.Length == 0)
            return piece;
        string text = _held.Length == 0 ? piece : _scratch.Clear().Append(_held).Append(piece).ToString();
        int start = FirstMatch(text);
        if (start >= 0)
        {
            Matched = true;
            _held = "";
            return text[..start];
        }
        int keep = HeldLength(text);
        _held = keep == 0 ? "" : text[^keep..];
        return keep == 0 ? text : text[..^keep];
    }

    /// <summary>The end without a match: what was held back was no stop string after all.</summary>
    public string Flush()
    {
        string rest = _held;
        _held = "";
        return rest;
    }

    /// <summary>Where the match that ends first begins; of several that end there the longest. -1: none.</summary>
    private int FirstMatch(string text)
    {
        int start = -1, end = int.MaxValue;
        foreach (string stop in _stops)
        {
            int at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at < 0 || at + stop.Length > end || (at + stop.Length == end && at > start))
                continue;
            (start, end) = (at, at + stop.Length);
        }
        return start;
    }

    /// <summary>Length of the longest end of the text that begins a stop string.</summary>
    private int HeldLength(string text)
    {
        int longest = 0;
        foreach (string stop in _stops)
            for (int length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
                if (string.CompareOrdinal(text, text.Length - length, stop, 0, length) == 0)
                {
                    longest = length;
                    break;
                }
        return longest;
    }
}
