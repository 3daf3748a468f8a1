using System.Globalization;

namespace PanguCluster.Chaos.Processes;

/// <summary>What a process holds, as Linux counts it.</summary>
/// <param name="OwnBytes">Resident memory that is its own: weights are mapped from files and do not count.</param>
/// <param name="Handles">All but those of SQLite journals, whose connections are pooled for minutes.</param>
internal readonly record struct ProcessFigures(long OwnBytes, int Handles, int Sockets, int JournalHandles, int Threads)
{
    public static ProcessFigures Of(int processId)
    {
        string[] status = File.ReadAllLines($"/proc/{processId}/status");
        string[] handles = [.. Directory.GetFiles($"/proc/{processId}/fd").Select(Target)];
        int journal = handles.Count(h => h.Contains(".db", StringComparison.Ordinal));
        return new ProcessFigures(
            Number(status, "RssAnon:") << 10, handles.Length - journal, handles.Count(h => h.Contains("socket:", StringComparison.Ordinal)), journal,
            (int)Number(status, "Threads:"));
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{OwnBytes / 1048576.0:0} MiB, {Handles} handles ({Sockets} sockets) and {JournalHandles} of the journal, {Threads} threads");

    private static string Target(string handle)
    {
        try
        {
            return new FileInfo(handle).LinkTarget ?? "";
        }
        catch (IOException)
        {
            return ""; // closed meanwhile
        }
    }

    private static long Number(string[] status, string field) => long.Parse(
        status.First(l => l.StartsWith(field, StringComparison.Ordinal)).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
