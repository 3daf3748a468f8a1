using System.Globalization;

namespace PanguCluster.Node.Options;

/// <summary>Lengths of time as people write them: 30s, 5m, 24h, 7d; a bare number is seconds.</summary>
public static class Duration
{
    /// <returns>Null: not a length of time, negative, or more than ten years.</returns>
    public static TimeSpan? Parse(string text)
    {
        int unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        string number = unit == 0 ? text : text[..^1];
        if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
            return null;
        double seconds = value * Math.Max(1, unit);
        return seconds <= 3650.0 * 86400 ? TimeSpan.FromSeconds(seconds) : null;
    }

    /// <exception cref="OptionException">It is no time, or out of range.</exception>
    public static TimeSpan InRange(string option, string text, TimeSpan least, TimeSpan most) =>
        Parse(text) is { } time && time >= least && time <= most
            ? time
            : throw new OptionException($"{option} {text}: expected {Format(least)} .. {Format(most)}, like 30s, 15m, 24h or 7d");

    private static string Format(TimeSpan time) => time switch
    {
        { TotalDays: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:0.#}d"),
        { TotalHours: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.#}h"),
        { TotalMinutes: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0.#}m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#}s"),
    };
}
