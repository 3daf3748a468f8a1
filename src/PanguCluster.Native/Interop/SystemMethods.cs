using System.Runtime.InteropServices;

namespace PanguCluster.Native.Interop;

/// <summary>Of the C library.</summary>
internal static partial class SystemMethods
{
    private const int PrioProcess = 0;

    /// <param name="thread">A thread's number, 0 for the calling one: Linux takes a thread where POSIX has a process.</param>
    public static bool SetNice(int thread, int nice) => setpriority(PrioProcess, (uint)thread, nice) == 0;

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int priority);
}
