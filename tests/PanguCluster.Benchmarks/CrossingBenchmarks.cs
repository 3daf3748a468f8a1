using BenchmarkDotNet.Attributes;
using PanguCluster.Native;

namespace PanguCluster.Benchmarks;

/// <summary>What one call into the native library costs by itself.</summary>
public class CrossingBenchmarks
{
    [Benchmark]
    public int Noop() => NativeProbes.Noop(1);
}
