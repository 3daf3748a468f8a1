using PanguCluster.Native;

namespace PanguCluster.Node.Bench;

/// <summary>
/// Probes the machine's limits by the same method every time, again and again between the measurements: neighbours on the same host make
/// its speed drift, and only what was measured side by side may be divided by one another.
/// </summary>
public sealed class MachineProbe : IDisposable
{
    private const long BufferBytes = 1L << 29;
    private const double SecondsPerPeak = 0.01;
    private const long FirstIterations = 100_000;
    private const int Crossings = 200_000;
    private const int Tries = 3;
    private const int ForkJoins = 31;
    private const int ForkJoinBytes = 4096;

    private readonly int _threads;
    private readonly string _isa;
    private readonly TimeProvider _time;
    private readonly ForeignLoad _foreign = new();
    private readonly ProbeBuffer _buffer = new(BufferBytes);
    private readonly long _int8Iterations;
    private readonly long _fp32Iterations;
    private readonly List<MachineLimits> _all = [];
    private readonly List<MachineLimits> _one = [];
    private readonly List<double> _crossings = [];
    private readonly List<double> _forkJoins = [];

    public MachineProbe(int threads, string isa, TimeProvider time)
    {
        _threads = threads;
        _isa = isa;
        _time = time;
        // Portable code is a hundred times slower than AVX-512: a fixed number of iterations would be too short for one or too long for the other.
        _int8Iterations = Calibrate(NativeProbes.Int8(FirstIterations, 1, isa));
        _fp32Iterations = Calibrate(NativeProbes.Fp32(FirstIterations, 1, isa));
    }

    public string InstructionSet => _isa;

    public MachineReport Report => new(
        MachineLimits.Of(_all, Medians.Of), MachineLimits.Of(_all, Enumerable.Max), MachineLimits.Of(_one, Medians.Of),
        Medians.Of(_crossings), Medians.Of(_forkJoins), _all.Count, _foreign.Share);

    /// <summary>Everything, with one thread too.</summary>
    public void ProbeAll(CancellationToken stop)
    {
        Probe(stop);
        _one.Add(_threads == 1 ? _all[^1] : Measure(1));
        long start = _time.GetTimestamp();
        for (int i = 0; i < Crossings; i++)
            NativeProbes.Noop(i);
        _crossings.Add(_time.GetElapsedTime(start).TotalNanoseconds / Crossings);
        for (int i = 0; i < ForkJoins; i++)
            _forkJoins.Add(_buffer.Read(ForkJoinBytes, _threads, _isa).Seconds * 1e6);
    }

    /// <summary>The best of a few measurements of each limit with the run's threads: some 150 ms.</summary>
    public MachineLimits Probe(CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        _all.Add(Measure(_threads));
        return _all[^1];
    }

    public void Dispose() => _buffer.Dispose();

    private MachineLimits Measure(int threads) => new(
        threads, _isa, Best(() => _buffer.Read(BufferBytes, threads, _isa)), Best(() => NativeProbes.Int8(_int8Iterations, threads, _isa)),
        Best(() => NativeProbes.Fp32(_fp32Iterations, threads, _isa)));

    // What a neighbour disturbs for a moment is not what the machine can do at this time: without this, steps reached 120 % of their limit.
    private static double Best(Func<ProbeMeasurement> measure) => Enumerable.Range(0, Tries).Max(_ => measure().Rate);

    private static long Calibrate(ProbeMeasurement first) =>
        Math.Max(1000, (long)(FirstIterations * SecondsPerPeak / Math.Max(first.Seconds, 1e-6)));
}
