using Xunit;

namespace PanguCluster.Native.Tests;

public sealed class ProbesTests
{
    [Fact]
    public void Probes_should_report_what_they_did_and_a_time()
    {
        var read = NativeProbes.Read(new byte[1 << 20], threads: 2);
        var int8 = NativeProbes.Int8(10_000, threads: 2);
        var fp32 = NativeProbes.Fp32(10_000, threads: 2);
        Assert.Equal(1 << 20, read.Amount);
        // At least 16 lanes, a multiply and an add, per iteration and thread.
        Assert.True(int8.Amount >= 10_000 * 2 * 32, $"{int8}");
        Assert.True(fp32.Amount >= 10_000 * 2 * 32, $"{fp32}");
        foreach (var probe in (ProbeMeasurement[])[read, int8, fp32])
            Assert.True(probe.Seconds > 0 && double.IsFinite(probe.Rate), $"{probe}");
    }

    [Fact]
    public void Probes_should_refuse_arguments_out_of_range()
    {
        Assert.Throws<ArgumentException>(() => NativeProbes.Read(new byte[1 << 20], threads: 0));
        Assert.Throws<ArgumentException>(() => NativeProbes.Read(new byte[10], threads: 1));
        Assert.Throws<ArgumentException>(() => NativeProbes.Int8(0, threads: 1));
        Assert.Throws<ArgumentException>(() => NativeProbes.Fp32(10, threads: 1000));
    }

    [Fact]
    public void Crossing_should_return_its_argument() => Assert.Equal(42, NativeProbes.Noop(42));
}
