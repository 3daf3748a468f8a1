using System.Runtime.InteropServices;
using PanguCluster.Model.Packing;

namespace PanguCluster.Native.Interop;

/// <summary><c>pangu_status</c> of native/include/pangu.h.</summary>
internal enum NativeStatus
{
    Ok = 0,
    NullArgument = 1,
    OutOfRange = 2,
    UnsupportedIsa = 3,
    OutOfMemory = 4,
    ThreadFailed = 5,
    BadLayout = 6,
}

internal static unsafe class NativeStatuses
{
    /// <summary>Turns a failure into the exception a .NET caller expects, with the library's own sentence.</summary>
    /// <exception cref="ArgumentException">A buffer, id or count the library refused.</exception>
    /// <exception cref="PlatformNotSupportedException">The instruction set is unknown or missing.</exception>
    /// <exception cref="InsufficientMemoryException">Memory or threads ran out.</exception>
    /// <exception cref="ModelFormatException">The file and the shape disagree.</exception>
    public static void ThrowIfFailed(this NativeStatus status)
    {
        if (status != NativeStatus.Ok)
            throw ToException(status);
    }

    private static Exception ToException(NativeStatus status)
    {
        string message = Marshal.PtrToStringUTF8((nint)NativeMethods.pangu_last_error()) ?? "";
        return status switch
        {
            NativeStatus.NullArgument or NativeStatus.OutOfRange => new ArgumentException($"Native kernels: {message}."),
            NativeStatus.UnsupportedIsa => new PlatformNotSupportedException($"Native kernels: {message}."),
            NativeStatus.OutOfMemory or NativeStatus.ThreadFailed => new InsufficientMemoryException($"Native kernels: {message}."),
            _ => new ModelFormatException($"Native kernels: {message}."),
        };
    }
}
