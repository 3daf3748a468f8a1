using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PanguCluster.Model.Kernels;
using Xunit;

namespace PanguCluster.Model.Tests.Kernels;

public sealed class RopeTableTests
{
    private static readonly double[] _frequencies = [1.0, 0.7498942093324559, 0.1, 1.0 / 3, 0.01, 1.7e-4, 6.25e-8, 5e-324];

    /// <summary>2 pi * 10^50, from the decimal digits of pi.</summary>
    private static readonly BigInteger _twoPi = BigInteger.Parse("628318530717958647692528676655900576839433879875021");

    [Fact]
    public void Table_should_be_within_an_ulp_of_the_exact_angle_up_to_position_131072()
    {
        var table = RopeTable.Create(_frequencies, RopeTable.MaxPositions);
        for (int p = 0; p < RopeTable.MaxPositions; p += p < 2000 ? 1 : 61)
            for (int j = 0; j < _frequencies.Length; j++)
            {
                double angle = ReducedAngle(p, _frequencies[j]);
                Near(Math.Cos(angle), table.Cos[p * _frequencies.Length + j], p, j);
                Near(Math.Sin(angle), table.Sin[p * _frequencies.Length + j], p, j);
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

    /// <summary>position * frequency modulo 2 pi: the product in exact integers, the remainder to 50 decimals.</summary>
    private static double ReducedAngle(int position, double frequency)
    {
        long bits = BitConverter.DoubleToInt64Bits(frequency);
        int exponent = Math.Max(1, (int)(bits >> 52 & 0x7ff)) - 1075;
        BigInteger mantissa = (bits & ((1L << 52) - 1)) | ((bits >> 52 & 0x7ff) == 0 ? 0 : 1L << 52);
        var scaled = position * mantissa * BigInteger.Pow(10, 50);
        scaled = exponent >= 0 ? scaled << exponent : scaled >> -exponent;
        var rest = scaled % _twoPi;
        if (rest * 2 > _twoPi)
            rest -= _twoPi;
        return (double)rest / 1e50;
    }
}
