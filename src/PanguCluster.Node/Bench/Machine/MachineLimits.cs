namespace PanguCluster.Node.Bench;

/// <summary>What this machine can do at best with some threads and one instruction set.</summary>
/// <param name="ReadBytesPerSecond">Sequential reads of a buffer far larger than the caches, in huge pages, one stream per thread.</param>
/// <param name="Int8OperationsPerSecond">Multiply-adds from registers, each counted as two operations.</param>
/// <param name="Fp32OperationsPerSecond">The same with fp32 fused multiply-adds.</param>
public sealed record MachineLimits(
    int Threads, string InstructionSet, double ReadBytesPerSecond, double Int8OperationsPerSecond, double Fp32OperationsPerSecond)
{
    /// <summary>Every limit by itself: the middle one, or whatever <paramref name="choose"/> picks.</summary>
    public static MachineLimits Of(IReadOnlyList<MachineLimits> probes, Func<IEnumerable<double>, double> choose) => probes[0] with
    {
        ReadBytesPerSecond = choose(probes.Select(p => p.ReadBytesPerSecond)),
        Int8OperationsPerSecond = choose(probes.Select(p => p.Int8OperationsPerSecond)),
        Fp32OperationsPerSecond = choose(probes.Select(p => p.Fp32OperationsPerSecond)),
    };
}

/// <summary>A whole run's view of the machine.</summary>
/// <param name="Median">Of every probe of the run, with the threads of the run.</param>
/// <param name="Best">The same probes' best: what the machine can do when its neighbours are quiet.</param>
/// <param name="OneThread">Median of the probes with one thread.</param>
/// <param name="CrossingNanoseconds">One call into the native library that does nothing.</param>
/// <param name="ForkJoinMicroseconds">All threads woken for 4 KiB of work and joined, back to back, so that they are still awake.</param>
/// <param name="Probes">How many probes with the threads of the run.</param>
/// <param name="ForeignCpu">Share of all cores that other processes took meanwhile; null where the system does not tell.</param>
public sealed record MachineReport(
    MachineLimits Median, MachineLimits Best, MachineLimits OneThread, double CrossingNanoseconds, double ForkJoinMicroseconds, int Probes,
    double? ForeignCpu = null);
