using System.Globalization;

namespace PanguCluster.Node.Options;

/// <summary>Lengths of time as people write them: 30s, 5m, 24h, 7d; a bare number is seconds.</summary>
public static class Duration
{
    /// <returns>Null: not a length of time, negative, or more than a year.</returns>
    public static TimeSpan? Parse(string text)
    {
        int unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        string number = unit == 0 ? text : text[..^1];
        if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
            return null;
        double seconds = value * Math.Max(1, unit);
        return seconds <= 365.0 * 86400 ? TimeSpan.FromSeconds(seconds) : null;
    }
}
