using System.Globalization;

namespace PanguCluster.Node.Options;

/// <summary>Memory that mapped weights may take.</summary>
public static class WeightMemory
{
    /// <summary>Of this machine now; what the process's own limit (of its control group) leaves, where that is less.</summary>
    /// <returns>Bytes; all there are where the system does not say.</returns>
    public static long Available() => Available(
        Field("/proc/meminfo", "MemAvailable:"), Field("/proc/self/status", "RssAnon:"), GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <summary>Pure.</summary>
    /// <param name="available">Free memory and what could be freed, pages of files included; null: unknown.</param>
    /// <param name="own">What this process holds that is no file; null: unknown.</param>
    /// <param name="limit">Of this process.</param>
    public static long Available(long? available, long? own, long limit) => Math.Max(0, Math.Min(available ?? long.MaxValue, limit - (own ?? 0)));

    /// <returns>Bytes, or null where the text has no such line.</returns>
    public static long? Parse(string text, string field)
    {
        string? line = text.Split('\n').FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal));
        string[] words = line?[field.Length..].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words is [var number, "kB"] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes) ? kibibytes * 1024 : null;
    }

    private static long? Field(string file, string field) => File.Exists(file) ? Parse(File.ReadAllText(file), field) : null;
}
