using System.Runtime.InteropServices;

namespace PanguCluster.Model.Tests.Fixtures;

/// <summary>Compares floats bit for bit.</summary>
internal static class Bits
{
    /// <summary>Null if equal; otherwise where the first difference is.</summary>
    public static string? Difference(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        if (expected.Length != actual.Length)
            return $"{what}: {expected.Length} values against {actual.Length}";
        int same = MemoryMarshal.Cast<float, int>(expected).CommonPrefixLength(MemoryMarshal.Cast<float, int>(actual));
        return same == expected.Length ? null : $"{what}[{same}]: {expected[same]:G9} against {actual[same]:G9}";
    }

    /// <summary>As above, over rows.</summary>
    public static string? Difference(string what, float[][] expected, float[][] actual)
    {
        if (expected.Length != actual.Length)
            return $"{what}: {expected.Length} rows against {actual.Length}";
        for (int row = 0; row < expected.Length; row++)
            if (Difference($"{what}, row {row}", expected[row], actual[row]) is { } difference)
                return difference;
        return null;
    }
}
