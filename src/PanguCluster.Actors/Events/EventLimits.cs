using System.Text;

namespace PanguCluster.Actors.Events;

/// <summary>How long the texts of an event may be, in bytes of UTF-8.</summary>
public static class EventLimits
{
    public const int NameBytes = 64;
    public const int DetailBytes = 256;

    /// <summary>The text, cut at the end of a character if it is too long, and on one line.</summary>
    public static string Fit(string text, int bytes)
    {
        var fitted = new StringBuilder(Math.Min(text.Length, bytes));
        int left = bytes;
        // Runes: a half of a surrogate pair becomes U+FFFD instead of text that cannot be sent.
        foreach (var rune in text.EnumerateRunes())
        {
            left -= rune.Utf8SequenceLength;
            if (left < 0)
                break;
            fitted.Append(Rune.IsControl(rune) ? " " : rune.ToString());
        }
        return fitted.ToString();
    }

    public static bool Fits(string text, int bytes) => Encoding.UTF8.GetByteCount(text) <= bytes;
}
