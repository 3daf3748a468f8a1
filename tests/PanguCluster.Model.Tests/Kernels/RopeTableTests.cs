using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PanguCluster.Model.Kernels;
using Xunit;

namespace PanguCluster.Model.Tests.Kernels;

public sealed class RopeTableTests
{
    private static readonly double[] _frequencies = [1.0, 0.7498942093324559, 0.1, 1.0 / 3, 0.01, 1.7e-4, 6.25e-8, 5e-324];

    /// <summary>pi/2 * 10^50, from the decimal digits of pi.</summary>
    private static readonly BigInteger _halfPi = BigInteger.Parse("157079632679489661923132169163975144209858469968755");

    [Fact]
    public void Table_should_be_within_an_ulp_of_the_exact_angle_up_to_position_131072()
    {
        var table = RopeTable.Create(_frequencies, RopeTable.MaxPositions);
        for (int p = 0; p < RopeTable.MaxPositions; p += p < 2000 ? 1 : 61)
            for (int j = 0; j < _frequencies.Length; j++)
            {
                var (sin, cos) = Exact(p, _frequencies[j]);
                Near(cos, table.Cos[p * _frequencies.Length + j], p, j);
                Near(sin, table.Sin[p * _frequencies.Length + j], p, j);
            }
    }

    /// <summary>Where sine is almost nothing, every term of the reduction shows.</summary>
    [Fact]
    public void Table_should_be_within_an_ulp_when_the_angle_is_near_a_multiple_of_half_pi()
    {
        const int last = RopeTable.MaxPositions - 1;
        double[] frequencies = [.. ((double[])[7, 1001, 30003, 41719, 20000.5]).Select(k => k * Math.PI / last), 1.0];
        var table = RopeTable.Create(frequencies, RopeTable.MaxPositions);
        foreach (int p in (int[])[last, 355, 52174, 103993, 104348])
            for (int j = 0; j < frequencies.Length; j++)
            {
                var (sin, cos) = Exact(p, frequencies[j]);
                Near(cos, table.Cos[p * frequencies.Length + j], p, j);
                Near(sin, table.Sin[p * frequencies.Length + j], p, j);
            }
    }

    /// <summary>
    /// The bits themselves: another platform, compiler or libm must give the same table.
    /// </summary>
    [Fact]
    public void Table_should_have_the_same_bits_everywhere()
    {
        double[] frequencies = [.. Enumerable.Range(0, 64).Select(j => 1.0 / (1 + j * 37.5))];
        var table = RopeTable.Create(frequencies, 4096);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(table.Cos.AsSpan()));
        hash.AppendData(MemoryMarshal.AsBytes(table.Sin.AsSpan()));
        Assert.Equal("2e198d80e29e08caea2a16041a711cb78a081a20e8a9c8672eee225393f4bb0b", Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(-0.5)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    public void Create_should_refuse_when_a_frequency_is_out_of_range(double frequency) =>
        Assert.Contains("inverse frequency", Assert.Throws<ArgumentException>(() => RopeTable.Create([1.0, frequency], 4)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(RopeTable.MaxPositions + 1)]
    public void Create_should_refuse_when_the_positions_are_out_of_range(int positions) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RopeTable.Create([1.0], positions));

    private static void Near(double expected, float actual, int position, int j)
    {
        float rounded = (float)expected;
        double ulp = Math.Max(Math.Abs((double)MathF.BitIncrement(rounded) - rounded), Math.Abs((double)rounded - MathF.BitDecrement(rounded)));
        Assert.True(Math.Abs(actual - expected) < ulp, $"position {position}, frequency {j}: {actual:G9} for {expected:G17}");
    }

    /// <summary>position * frequency as an exact integer of 50 decimals, reduced to within pi/4 of a multiple of pi/2 before it is rounded.</summary>
    private static (double Sin, double Cos) Exact(int position, double frequency)
    {
        long bits = BitConverter.DoubleToInt64Bits(frequency);
        int exponent = Math.Max(1, (int)(bits >> 52 & 0x7ff)) - 1075;
        BigInteger mantissa = (bits & ((1L << 52) - 1)) | ((bits >> 52 & 0x7ff) == 0 ? 0 : 1L << 52);
        var scaled = position * mantissa * BigInteger.Pow(10, 50);
        scaled = exponent >= 0 ? scaled << exponent : scaled >> -exponent;
        var n = (scaled + _halfPi / 2) / _halfPi;
        double r = (double)(scaled - n * _halfPi) / 1e50;
        return ((int)(n % 4)) switch
        {
            0 => (Math.Sin(r), Math.Cos(r)),
            1 => (Math.Cos(r), -Math.Sin(r)),
            2 => (-Math.Sin(r), -Math.Cos(r)),
            _ => (-Math.Cos(r), Math.Sin(r)),
        };
    }
}
