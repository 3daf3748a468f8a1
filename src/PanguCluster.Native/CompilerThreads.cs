using PanguCluster.Native.Interop;

namespace PanguCluster.Native;

/// <summary>
/// The threads on which the runtime compiles busy methods a second time. In a young process they want seconds of CPU that nobody waits for: at a low priority they
/// take what those who serve leave.
/// </summary>
public static class CompilerThreads
{
    /// <summary>What <see cref="Lower"/> gives them.</summary>
    public const int Nice = 15;

    /// <summary>As the runtime calls them; Linux keeps 15 letters.</summary>
    public const string Name = ".NET Tiered Com";

    /// <summary>Lowers those there are now: they end when there is nothing to compile, and new ones come. Does nothing outside Linux.</summary>
    public static void Lower()
    {
        if (!OperatingSystem.IsLinux())
            return;
        foreach (var thread in LinuxThread.All())
            if (thread.Name == Name && thread.Nice < Nice)
                SystemMethods.SetNice(thread.Id, Nice);
    }
}
