using System.Globalization;

namespace PanguCluster.Node.Launch;

/// <summary>A process that cannot be mistaken for a later one of the same number: its id and when it started, as Linux counts it.</summary>
public sealed record ProcessMark(int Id, string Started)
{
    /// <summary>Field 22 of /proc/PID/stat: clock ticks after boot. The name before it may hold anything, spaces and brackets too.</summary>
    private const int StartField = 22;

    /// <summary>Null: no such process, or one that has ended and only waits to be reaped.</summary>
    public static ProcessMark? Of(int id)
    {
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : new ProcessMark(id, fields[StartField - 3]);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public bool IsAlive => Of(Id) == this;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id} {Started}");

    /// <summary>Null: it is none.</summary>
    public static ProcessMark? Parse(string text)
    {
        string[] parts = text.Trim().Split(' ');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id > 0 ? new ProcessMark(id, parts[1]) : null;
    }
}
