using System.Globalization;

namespace PanguCluster.Native;

/// <summary>A thread of this process as Linux sees it: /proc/self/task/ID/stat.</summary>
/// <param name="Name">At most 15 letters.</param>
internal readonly record struct LinuxThread(int Id, string Name, int Nice)
{
    private const string Tasks = "/proc/self/task";

    /// <summary>Field 19 of the line.</summary>
    private const int NiceField = 19;

    /// <summary>Those there are; one that ends meanwhile is left out.</summary>
    public static IEnumerable<LinuxThread> All()
    {
        foreach (string task in Directory.EnumerateDirectories(Tasks))
            if (Read(Path.Combine(task, "stat")) is { } thread)
                yield return thread;
    }

    /// <summary>The first thread of the process.</summary>
    public static LinuxThread? Main() => Read("/proc/self/stat");

    private static LinuxThread? Read(string file)
    {
        try
        {
            string stat = File.ReadAllText(file);
            // The name between the brackets may hold anything, spaces and brackets too.
            int open = stat.IndexOf('('), close = stat.LastIndexOf(')');
            return new LinuxThread(
                int.Parse(stat[..(open - 1)], CultureInfo.InvariantCulture), stat[(open + 1)..close],
                int.Parse(stat[(close + 2)..].Split(' ')[NiceField - 3], CultureInfo.InvariantCulture));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
