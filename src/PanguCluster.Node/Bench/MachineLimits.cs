using PanguCluster.Native;

namespace PanguCluster.Node.Bench;

/// <summary>What this machine can do at best with some threads and the instruction set of the kernels: medians of repeated probes.</summary>
/// <param name="ReadBytesPerSecond">Sequential reads of a buffer far larger than the caches.</param>
/// <param name="Int8OperationsPerSecond">Multiply-adds from registers, each counted as two operations.</param>
/// <param name="Fp32OperationsPerSecond">The same with fp32 fused multiply-adds.</param>
public sealed record MachineLimits(
    int Threads, string InstructionSet, double ReadBytesPerSecond, double Int8OperationsPerSecond, double Fp32OperationsPerSecond)
{
    private const int BufferBytes = 1 << 29;
    private const long Iterations = 20_000_000;
    private const int Repeats = 5;

    public static MachineLimits Measure(int threads, CancellationToken stop)
    {
        // Touched by a write per page, or reads would all hit the one zero page.
        byte[] buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
        for (int at = 0; at < buffer.Length; at += 4096)
            buffer[at] = (byte)(at >> 12);
        return new MachineLimits(
            threads,
            NativeKernels.Create().Name,
            Median(() => NativeProbes.Read(buffer, threads), stop),
            Median(() => NativeProbes.Int8(Iterations, threads), stop),
            Median(() => NativeProbes.Fp32(Iterations, threads), stop));
    }

    private static double Median(Func<ProbeMeasurement> probe, CancellationToken stop)
    {
        var rates = new double[Repeats];
        for (int i = 0; i < Repeats; i++)
        {
            stop.ThrowIfCancellationRequested();
            rates[i] = probe().Rate;
        }
        return Medians.Of(rates);
    }
}
