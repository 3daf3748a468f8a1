namespace PanguCluster.Model.Kernels;

/// <summary>
/// Cosine and sine of every rotary angle, computed once and handed to every kernel implementation: the only place where an angle turns
/// into a number.
/// </summary>
/// <remarks>
/// Double arithmetic with the five IEEE operations and the fused multiply-add only, so that no libm can change a bit. The angle
/// <c>position * inverseFrequency</c> is kept as an unevaluated sum of two doubles, reduced by multiples of pi/2 (Cody and Waite, in two
/// parts: with FMA the first subtraction is exact), and put through the polynomials of fdlibm's <c>k_sin.c</c> and <c>k_cos.c</c>.
/// The result is rounded once to f32: error below 1 ulp for positions up to 131072 and frequencies up to 1.
/// </remarks>
public sealed class RopeTable
{
    /// <summary>Positions beyond this are refused: the reduction is shown right up to here.</summary>
    public const int MaxPositions = 131072;

    private const double TwoOverPi = 0.63661977236758134308;
    private const double HalfPiHigh = 1.57079632679489655800;
    private const double HalfPiLow = 6.12323399573676603587e-17;

    private RopeTable(int positions, int halfDim)
    {
        Positions = positions;
        HalfDim = halfDim;
        Cos = GC.AllocateArray<float>(checked(positions * halfDim), pinned: true);
        Sin = GC.AllocateArray<float>(checked(positions * halfDim), pinned: true);
    }

    public int Positions { get; }

    /// <summary>D/2: angles per position.</summary>
    public int HalfDim { get; }

    /// <summary>Pinned, row-major [position, D/2].</summary>
    public float[] Cos { get; }

    /// <summary>Pinned, row-major [position, D/2].</summary>
    public float[] Sin { get; }

    /// <param name="inverseFrequencies">[D/2], theta^(-2j/D), each in (0, 1].</param>
    /// <param name="positions">Rows of the table: absolute positions 0 .. positions-1.</param>
    /// <exception cref="ArgumentException">A frequency is not in (0, 1] or there are too many positions.</exception>
    public static RopeTable Create(ReadOnlySpan<double> inverseFrequencies, int positions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(positions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(positions, MaxPositions);
        if (inverseFrequencies.IsEmpty)
            throw new ArgumentException("there must be at least one frequency", nameof(inverseFrequencies));
        foreach (double f in inverseFrequencies)
            if (!(f > 0 && f <= 1))
                throw new ArgumentException($"a rotary inverse frequency is {f:R}; it must be in (0, 1]", nameof(inverseFrequencies));

        int half = inverseFrequencies.Length;
        var table = new RopeTable(positions, half);
        for (int p = 0; p < positions; p++)
            for (int j = 0; j < half; j++)
            {
                var (sin, cos) = SinCos(p, inverseFrequencies[j]);
                table.Cos[p * half + j] = (float)cos;
                table.Sin[p * half + j] = (float)sin;
            }
        return table;
    }

    /// <summary>Sine and cosine of the exact product <paramref name="position"/> * <paramref name="frequency"/>.</summary>
    private static (double Sin, double Cos) SinCos(double position, double frequency)
    {
        double angle = position * frequency;
        double rest = Math.FusedMultiplyAdd(position, frequency, -angle);
        double n = Math.Round(angle * TwoOverPi, MidpointRounding.ToEven);
        double r = Math.FusedMultiplyAdd(-n, HalfPiHigh, angle) + Math.FusedMultiplyAdd(-n, HalfPiLow, rest);
        double s = KernelSin(r);
        double c = KernelCos(r);
        return ((int)n & 3) switch
        {
            0 => (s, c),
            1 => (c, -s),
            2 => (-s, -c),
            _ => (-c, s),
        };
    }

    /// <summary>Sine on [-pi/4, pi/4] (fdlibm k_sin.c).</summary>
    private static double KernelSin(double x)
    {
        double z = x * x;
        double p = 1.58969099521155010221e-10;
        p = Math.FusedMultiplyAdd(p, z, -2.50507602534068634195e-08);
        p = Math.FusedMultiplyAdd(p, z, 2.75573137070700676789e-06);
        p = Math.FusedMultiplyAdd(p, z, -1.98412698298579493134e-04);
        p = Math.FusedMultiplyAdd(p, z, 8.33333333332248946124e-03);
        p = Math.FusedMultiplyAdd(p, z, -1.66666666666666324348e-01);
        return Math.FusedMultiplyAdd(p, z * x, x);
    }

    /// <summary>Cosine on [-pi/4, pi/4] (fdlibm k_cos.c).</summary>
    private static double KernelCos(double x)
    {
        double z = x * x;
        double p = -1.13596475577881948265e-11;
        p = Math.FusedMultiplyAdd(p, z, 2.08757232129817482790e-09);
        p = Math.FusedMultiplyAdd(p, z, -2.75573143513906633035e-07);
        p = Math.FusedMultiplyAdd(p, z, 2.48015872894767294178e-05);
        p = Math.FusedMultiplyAdd(p, z, -1.38888888888741095749e-03);
        p = Math.FusedMultiplyAdd(p, z, 4.16666666666666019037e-02);
        return Math.FusedMultiplyAdd(p, z * z, Math.FusedMultiplyAdd(-0.5, z, 1.0));
    }
}
