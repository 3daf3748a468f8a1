using PanguCluster.Native;

namespace PanguCluster.Node.Bench;

/// <summary>What this machine can do at best with some threads and the instruction set of the kernels.</summary>
/// <param name="ReadBytesPerSecond">Sequential reads of a buffer far larger than the caches.</param>
/// <param name="Int8OperationsPerSecond">Multiply-adds from registers, each counted as two operations.</param>
/// <param name="Fp32OperationsPerSecond">The same with fp32 fused multiply-adds.</param>
public sealed record MachineLimits(
    int Threads, string InstructionSet, double ReadBytesPerSecond, double Int8OperationsPerSecond, double Fp32OperationsPerSecond);

/// <summary>
/// Probes the machine's limits again and again and keeps the best: a limit is what the machine can do, and neighbours on the same host
/// only ever lower what one probe sees. Probing between measurements compares like with like when the host's speed drifts.
/// </summary>
public sealed class MachineProbe(int threads)
{
    private const int BufferBytes = 1 << 29;
    private const long Iterations = 20_000_000;

    private readonly byte[] _buffer = Touched();
    private readonly string _instructionSet = NativeKernels.Create().Name;
    private double _read;
    private double _int8;
    private double _fp32;

    /// <summary>The best of all probes so far.</summary>
    public MachineLimits Best => new(threads, _instructionSet, _read, _int8, _fp32);

    public void Probe(int times, CancellationToken stop)
    {
        for (int i = 0; i < times; i++)
        {
            stop.ThrowIfCancellationRequested();
            _read = Math.Max(_read, NativeProbes.Read(_buffer, threads).Rate);
            _int8 = Math.Max(_int8, NativeProbes.Int8(Iterations, threads).Rate);
            _fp32 = Math.Max(_fp32, NativeProbes.Fp32(Iterations, threads).Rate);
        }
    }

    // A write per page, or reads would all hit the one zero page.
    private static byte[] Touched()
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
        for (int at = 0; at < buffer.Length; at += 4096)
            buffer[at] = (byte)(at >> 12);
        return buffer;
    }
}
