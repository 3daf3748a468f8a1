namespace PanguCluster.Model.Sampling;

/// <summary>Natural logarithm from IEEE operations alone, so that a reported log probability is the same number everywhere.</summary>
/// <remarks>fdlibm e_log.c: x = 2^k * (1 + f), log(1 + f) by a polynomial in s = f / (2 + f); error below 1 ulp.</remarks>
public static class Logarithm
{
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;

    /// <param name="x">A positive, finite, normal number; anything else gives NaN, and 0 gives negative infinity.</param>
    public static double Of(double x)
    {
        if (x == 0)
            return double.NegativeInfinity;
        if (!(x > 0) || !double.IsNormal(x))
            return double.NaN;

        // Mantissa into [sqrt(1/2), sqrt(2)).
        long bits = BitConverter.DoubleToInt64Bits(x);
        int k = (int)(bits >> 52) - 1023;
        double m = BitConverter.Int64BitsToDouble((bits & 0xF_FFFF_FFFF_FFFFL) | 0x3FF0_0000_0000_0000L);
        if (m >= 1.41421356237309514547)
        {
            m *= 0.5;
            k++;
        }
        double f = m - 1.0;
        double s = f / (2.0 + f);
        double z = s * s;
        double w = z * z;
        double odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
        double even = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
        double half = 0.5 * f * f;
        return k * Ln2High - ((half - (s * (half + odd + even) + k * Ln2Low)) - f);
    }
}
