namespace PanguCluster.Model.Sampling;

/// <summary>
/// Philox4x32-10: a random number as a pure function of key and counter, so that a token's draw needs no generator state and can be
/// repeated anywhere. Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
/// </summary>
public static class Philox
{
    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>The ten-round block function.</summary>
    public static (uint X0, uint X1, uint X2, uint X3) Block(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0;
            ulong p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            unchecked
            {
                k0 += Weyl0;
                k1 += Weyl1;
            }
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>
    /// 53 uniform bits for token <paramref name="index"/> of choice <paramref name="choice"/>: key = seed (low word first), counter =
    /// (index, choice, 0, 0), the upper 53 bits of the first two output words (the second is the high one).
    /// </summary>
    public static ulong Draw53(ulong seed, int index, int choice)
    {
        var (x0, x1, _, _) = Block((uint)index, (uint)choice, 0, 0, (uint)seed, (uint)(seed >> 32));
        return (((ulong)x1 << 32) | x0) >> 11;
    }
}
