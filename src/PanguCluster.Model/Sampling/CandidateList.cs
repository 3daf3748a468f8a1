namespace PanguCluster.Model.Sampling;

/// <summary>
/// The tokens in order (logit descending, id ascending), found only as far as they are asked for: a draw looks at a few of the highest,
/// so the vocabulary is cut into tiers of one unit of logit below the maximum and only the tiers that are reached are sorted.
/// </summary>
internal sealed class CandidateList(int vocabSize)
{
    /// <summary>Below this many units under the maximum (probability under 1e-14 of the first) the rest is one tier.</summary>
    private const int Tiers = 32;

    /// <summary>Ascending keys: inverted order-preserving bits of the logit above, token id below.</summary>
    private readonly ulong[] _keys = new ulong[vocabSize];

    private int _ready;
    private int _tier;
    private float _upper;

    /// <summary>The highest logit.</summary>
    public float Maximum { get; private set; }

    /// <summary>Forgets the former tokens. <paramref name="logits"/> [V], finite, must be the same in every later <see cref="At"/>.</summary>
    public void Begin(ReadOnlySpan<float> logits)
    {
        float max = logits[0];
        foreach (float l in logits)
            if (l > max)
                max = l;
        Maximum = max;
        _ready = 0;
        _tier = 0;
        _upper = float.PositiveInfinity;
    }

    /// <summary>The token of 0-based rank <paramref name="rank"/>, below the vocabulary size.</summary>
    public int At(int rank, ReadOnlySpan<float> logits)
    {
        while (_ready <= rank)
            TakeTier(logits);
        return (int)(uint)_keys[rank];
    }

    private void TakeTier(ReadOnlySpan<float> logits)
    {
        _tier++;
        float lower = _tier <= Tiers ? Maximum - _tier : float.NegativeInfinity;
        float upper = _upper;
        int count = _ready;
        for (int id = 0; id < logits.Length; id++)
        {
            float l = logits[id];
            if (l >= lower && l < upper)
                _keys[count++] = Key(l, id);
        }
        _keys.AsSpan(_ready, count - _ready).Sort();
        _ready = count;
        _upper = lower;
    }

    private static ulong Key(float logit, int id)
    {
        // -0 becomes +0: they are equal, so the id alone decides.
        int bits = BitConverter.SingleToInt32Bits(logit + 0f);
        uint ascending = bits < 0 ? ~(uint)bits : (uint)bits | 0x8000_0000;
        return ((ulong)~ascending << 32) | (uint)id;
    }
}
