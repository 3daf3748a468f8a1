using System.Globalization;

namespace PanguCluster.Chaos.Processes;

/// <summary>
/// A file of its own for the sessions of every cluster: another cluster must compute its answers, not find those of the last one recorded.
/// </summary>
internal static class Journals
{
    private static readonly Dictionary<string, string> ByNode = [];
    private static int _count;

    /// <summary>The option of a node: the file of the cluster it joins, unless the test names one.</summary>
    public static string[] For(string cluster, IEnumerable<string> extra)
    {
        string[] options = [.. extra];
        if (options.Contains("--journal"))
            return [];
        int seed = Array.IndexOf(options, "--seed-node");
        lock (ByNode)
        {
            if (seed < 0 || !ByNode.TryGetValue(options[seed + 1], out string? file))
                file = Fresh();
            ByNode[cluster] = file;
            return ["--journal", file];
        }
    }

    /// <summary>A journal nobody has written to.</summary>
    public static string Fresh()
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"sessions-{Interlocked.Increment(ref _count)}.db");
        return "sqlite:" + Path.Combine(Repository.Data, name);
    }
}
