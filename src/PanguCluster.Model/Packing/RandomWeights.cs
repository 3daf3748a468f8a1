using System.Runtime.InteropServices;

namespace PanguCluster.Model.Packing;

/// <summary>
/// Pseudo-random weights by counter: word i of tensor t is SplitMix64 of (seed, t, i), so that any part can be made again without
/// the rest. Not for sampling: tokens draw from Philox (numerics rule 10).
/// </summary>
/// <remarks>SplitMix64: Steele, Lea, Flood, OOPSLA 2014.</remarks>
internal sealed class RandomWeights
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    // Uniform values have a standard deviation of 1/sqrt(3) of their bound.
    private static readonly double UniformBound = Math.Sqrt(3);

    private readonly Dictionary<(ElementType, int), ushort[]> _tables = [];
    private readonly ulong _seed;
    private ulong _key;
    private ulong _tensor;
    private ulong _counter;

    public RandomWeights(ulong seed) => _seed = _key = seed;

    /// <summary>Starts the next tensor.</summary>
    public void NextTensor()
    {
        _key = Mix(_seed + Golden * ++_tensor);
        _counter = 0;
    }

    /// <summary>Values in -bound..bound around a centre.</summary>
    public void Fill(Span<float> values, float centre, float bound)
    {
        foreach (ref float value in values)
            value = centre + bound * ((Next() >> 40) * (1f / (1 << 23)) - 1f);
    }

    /// <summary>16-bit weights of a tensor with <paramref name="inputs"/> inputs: standard deviation 1/sqrt(inputs).</summary>
    public void Fill(Span<ushort> values, ElementType type, int inputs)
    {
        ushort[] table = TableOf(type, inputs);
        int i = 0;
        for (; i + 4 <= values.Length; i += 4)
        {
            ulong word = Next();
            values[i] = table[(ushort)word];
            values[i + 1] = table[(ushort)(word >> 16)];
            values[i + 2] = table[(ushort)(word >> 32)];
            values[i + 3] = table[word >> 48];
        }
        for (ulong word = Next(); i < values.Length; i++, word >>= 16)
            values[i] = table[(ushort)word];
    }

    /// <summary>Stored I8 bytes q + 128, q in -127..127 (never the byte 0, which would be -128).</summary>
    public void Fill(Span<byte> values)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(values);
        foreach (ref ulong word in words)
            word = Next();
        ulong last = Next();
        for (int i = words.Length * 8; i < values.Length; i++, last >>= 8)
            values[i] = (byte)last;
        values.Replace((byte)0, PanelTensor.ZeroI8);
    }

    /// <summary>The channel scale that gives uniform q in -127..127 a standard deviation of 1/sqrt(inputs).</summary>
    public static float ScaleOf(int inputs) => (float)(UniformBound / (127.0 * Math.Sqrt(inputs)));

    /// <summary>Standard deviation 1/sqrt(inputs) as the bound of a uniform distribution.</summary>
    public static float BoundOf(int inputs) => (float)(UniformBound / Math.Sqrt(inputs));

    private ushort[] TableOf(ElementType type, int inputs)
    {
        if (_tables.TryGetValue((type, inputs), out ushort[]? table))
            return table;
        table = new ushort[1 << 16];
        float bound = BoundOf(inputs);
        for (int i = 0; i < table.Length; i++)
        {
            float value = bound * ((i - 32767.5f) / 32768f);
            table[i] = type == ElementType.F16 ? BitConverter.HalfToUInt16Bits((Half)value) : HalfWords.ToBf16(value);
        }
        return _tables[(type, inputs)] = table;
    }

    private ulong Next() => Mix(_key + Golden * ++_counter);

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
