using PanguCluster.Native.Interop;

namespace PanguCluster.Native;

/// <summary>
/// This process at a lower CPU priority, until disposed. On Linux every thread has a nice value of its own and hands it on to those it starts; going back up
/// needs CAP_SYS_NICE or a limit (RLIMIT_NICE) that allows it, so whether that works is tried out first.
/// </summary>
public sealed class LowPriority : IDisposable
{
    /// <summary>The weakest there is.</summary>
    public const int MaxNice = 19;

    /// <summary>Threads come while others are changed: so many rounds until none is left.</summary>
    private const int Rounds = 100;

    private readonly int _normal;

    private LowPriority(int normal) => _normal = normal;

    /// <summary>Adds <paramref name="by"/> to the nice value of every thread.</summary>
    /// <param name="by">1 .. <see cref="MaxNice"/>.</param>
    /// <returns>Null, and nothing is changed: this process could not come back.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Names the limit.</exception>
    public static LowPriority? Take(int by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(by, MaxNice);
        if (!OperatingSystem.IsLinux() || LinuxThread.Main()?.Nice is not { } normal || !CanReturn(normal))
            return null;
        SetAll(Math.Min(normal + by, MaxNice));
        return new LowPriority(normal);
    }

    /// <summary>Every thread gets back the priority the process had.</summary>
    public void Dispose() => SetAll(_normal);

    /// <summary>Tried on a thread that ends.</summary>
    private static bool CanReturn(int normal)
    {
        bool can = false;
        var probe = new Thread(() => can = SystemMethods.SetNice(0, Math.Min(normal + 1, MaxNice)) && SystemMethods.SetNice(0, normal)) { IsBackground = true };
        probe.Start();
        probe.Join();
        return can;
    }

    private static void SetAll(int nice)
    {
        for (int round = 0; round < Rounds; round++)
        {
            bool all = true;
            foreach (var thread in LinuxThread.All())
                if (thread.Nice != nice)
                    all &= !SystemMethods.SetNice(thread.Id, nice);
            if (all)
                return;
        }
    }
}
