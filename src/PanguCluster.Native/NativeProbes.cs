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
/// What this machine can do at best, with the instruction set of <see cref="NativeKernels.Create"/> without argument: <c>pangu bench</c>
/// reports everything else as a fraction of these. One call is one measurement; callers repeat and take the median.
/// </summary>
public static unsafe class NativeProbes
{
    /// <summary>Sequential read of <paramref name="buffer"/>, one contiguous slice per thread. Use a buffer much larger than the caches.</summary>
    /// <param name="buffer">At least 4096 bytes, already touched.</param>
    /// <param name="bytes">Length of the buffer.</param>
    /// <param name="threads">1 to 256.</param>
    /// <exception cref="ArgumentException">An argument is out of range.</exception>
    public static ProbeMeasurement Read(void* buffer, long bytes, int threads)
    {
        ProbeResult result;
        NativeMethods.pangu_probe_read(null, (byte*)buffer, bytes, threads, &result).ThrowIfFailed();
        return new ProbeMeasurement(result.Amount, result.Seconds);
    }

    /// <summary><see cref="Read(void*, long, int)"/> over a managed buffer.</summary>
    public static ProbeMeasurement Read(ReadOnlySpan<byte> buffer, int threads)
    {
        fixed (byte* pointer = buffer)
            return Read(pointer, buffer.Length, threads);
    }

    /// <summary>Int8 multiply-add throughput from registers, in operations.</summary>
    /// <param name="iterations">Per thread; 10^8 take about a second.</param>
    /// <param name="threads">1 to 256.</param>
    public static ProbeMeasurement Int8(long iterations, int threads)
    {
        ProbeResult result;
        NativeMethods.pangu_probe_int8(null, iterations, threads, &result).ThrowIfFailed();
        return new ProbeMeasurement(result.Amount, result.Seconds);
    }

    /// <summary>fp32 fused multiply-add throughput from registers, in operations.</summary>
    public static ProbeMeasurement Fp32(long iterations, int threads)
    {
        ProbeResult result;
        NativeMethods.pangu_probe_fp32(null, iterations, threads, &result).ThrowIfFailed();
        return new ProbeMeasurement(result.Amount, result.Seconds);
    }

    /// <summary>Crosses the interface and comes back: time it from outside to know what a crossing costs.</summary>
    public static int Noop(int value) => NativeMethods.pangu_noop(value);
}
