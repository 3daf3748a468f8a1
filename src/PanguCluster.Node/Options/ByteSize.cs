using System.Globalization;

namespace PanguCluster.Node.Options;

/// <summary>Sizes as people write them: <c>512MiB</c>, <c>2GiB</c>, <c>65536</c>.</summary>
public static class ByteSize
{
    private static readonly (string Suffix, long Unit)[] Units =
        [("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("KB", 1000), ("MB", 1000_000), ("GB", 1000_000_000), ("", 1)];

    /// <summary>Bytes, or null when the text is no positive size up to 1 TiB.</summary>
    public static long? Parse(string text)
    {
        foreach (var (suffix, unit) in Units)
        {
            if (!text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                continue;
            var number = text.AsSpan(0, text.Length - suffix.Length).TrimEnd();
            if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
                return null;
            double bytes = value * unit;
            return bytes is >= 1 and <= 1L << 40 ? (long)bytes : null;
        }
        return null;
    }

    public static string Format(long bytes) => bytes switch
    {
        >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.#} GiB"),
        >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0.#} MiB"),
        >= 1L << 10 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 10):0.#} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
    };
}
