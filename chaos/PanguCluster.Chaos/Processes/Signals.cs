using System.Diagnostics;
using System.Globalization;

namespace PanguCluster.Chaos.Processes;

internal static class Signals
{
    /// <summary>Sends a signal by name to one process.</summary>
    public static void Send(string name, int processId)
    {
        using var kill = Process.Start("kill", ["-s", name, processId.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        if (kill.ExitCode != 0)
            throw new InvalidOperationException($"kill -s {name} {processId} ended with {kill.ExitCode}.");
    }

    /// <summary>Whether a process of this id runs (a zombie has ended).</summary>
    public static bool IsAlive(int processId)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{processId}/stat");
            return stat[(stat.LastIndexOf(')') + 2)] != 'Z';
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
