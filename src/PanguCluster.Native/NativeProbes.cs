using System.Text;
using PanguCluster.Native.Interop;

namespace PanguCluster.Native;

/// <summary>One measurement of a machine limit.</summary>
/// <param name="Amount">Bytes read, or operations (a multiply-add counts as 2).</param>
/// <param name="Seconds">Wall time, measured inside the native library.</param>
public readonly record struct ProbeMeasurement(double Amount, double Seconds)
{
    /// <summary>Bytes or operations per second.</summary>
    public double Rate => Amount / Seconds;
}

/// <summary>
/// What this machine can do at best with one instruction set (none named: that of <see cref="NativeKernels.Create"/> without argument):
/// <c>pangu bench</c> reports everything else as a fraction of these. One call is one measurement; callers repeat and take the median.
/// </summary>
public static unsafe class NativeProbes
{
    /// <summary>Sequential read of <paramref name="buffer"/>, one contiguous slice per thread. Use a buffer much larger than the caches.</summary>
    /// <param name="buffer">At least 4096 bytes, already touched.</param>
    /// <param name="bytes">Length of the buffer.</param>
    /// <param name="threads">1 to 256.</param>
    /// <param name="isa">"avx512", "avx2", "portable", or null.</param>
    /// <exception cref="ArgumentException">An argument is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">The instruction set is unknown, or this machine lacks it.</exception>
    public static ProbeMeasurement Read(void* buffer, long bytes, int threads, string? isa = null)
    {
        ProbeResult result;
        fixed (byte* name = Terminated(isa))
            NativeMethods.pangu_probe_read(name, (byte*)buffer, bytes, threads, &result).ThrowIfFailed();
        return new ProbeMeasurement(result.Amount, result.Seconds);
    }

    /// <summary><see cref="Read(void*, long, int, string?)"/> over a managed buffer.</summary>
    public static ProbeMeasurement Read(ReadOnlySpan<byte> buffer, int threads)
    {
        fixed (byte* pointer = buffer)
            return Read(pointer, buffer.Length, threads);
    }

    /// <summary>Int8 multiply-add throughput from registers, in operations.</summary>
    /// <param name="iterations">Per thread; 10^8 take about a second.</param>
    /// <param name="threads">1 to 256.</param>
    /// <param name="isa">"avx512", "avx2", "portable", or null.</param>
    public static ProbeMeasurement Int8(long iterations, int threads, string? isa = null)
    {
        ProbeResult result;
        fixed (byte* name = Terminated(isa))
            NativeMethods.pangu_probe_int8(name, iterations, threads, &result).ThrowIfFailed();
        return new ProbeMeasurement(result.Amount, result.Seconds);
    }

    /// <summary>fp32 fused multiply-add throughput from registers, in operations.</summary>
    public static ProbeMeasurement Fp32(long iterations, int threads, string? isa = null)
    {
        ProbeResult result;
        fixed (byte* name = Terminated(isa))
            NativeMethods.pangu_probe_fp32(name, iterations, threads, &result).ThrowIfFailed();
        return new ProbeMeasurement(result.Amount, result.Seconds);
    }

    /// <summary>Crosses the interface and comes back: time it from outside to know what a crossing costs.</summary>
    public static int Noop(int value) => NativeMethods.pangu_noop(value);

    private static byte[]? Terminated(string? isa) => isa is null ? null : Encoding.UTF8.GetBytes(isa + '\0');
}
