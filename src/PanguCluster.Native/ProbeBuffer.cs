using System.Runtime.InteropServices;

namespace PanguCluster.Native;

/// <summary>
/// Memory to probe the read bandwidth with: aligned to huge pages and asking for them, because with small pages a probe measures the
/// translation of addresses as well (up to a fifth less, see <c>pangu bench</c>). Every page is written once, or all reads would hit the
/// one zero page.
/// </summary>
public sealed unsafe partial class ProbeBuffer : IDisposable
{
    private const nuint HugePage = 2 << 20;
    private const int AdviseHugePages = 14; // MADV_HUGEPAGE of <sys/mman.h>

    private void* _pointer;

    /// <param name="bytes">1 MiB or more; far more than the caches hold.</param>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    public ProbeBuffer(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1 << 20);
        Length = bytes;
        _pointer = NativeMemory.AlignedAlloc((nuint)bytes, HugePage);
        // A kernel without huge pages refuses: the buffer then has small ones, which is what this machine can do.
        _ = Advise(_pointer, (nuint)bytes, AdviseHugePages);
        for (long at = 0; at < bytes; at += 4096)
            ((byte*)_pointer)[at] = (byte)(at >> 12);
    }

    public long Length { get; }

    /// <summary>Reads the first <paramref name="bytes"/> with <paramref name="threads"/> threads; see <see cref="NativeProbes.Read(void*, long, int, string?)"/>.</summary>
    public ProbeMeasurement Read(long bytes, int threads, string? isa = null)
    {
        ObjectDisposedException.ThrowIf(_pointer is null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Length);
        return NativeProbes.Read(_pointer, bytes, threads, isa);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
