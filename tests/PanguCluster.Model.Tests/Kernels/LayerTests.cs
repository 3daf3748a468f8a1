using System.Runtime.InteropServices;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Kernels.Managed.Operations;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Kernels;

/// <summary>Attention, a group's output and the combination of groups against "A decoder layer, one row" written out in scalars.</summary>
public sealed class LayerTests
{
    private static readonly ManagedKernels _kernels = new();

    [Theory]
    [InlineData(PackFormat.Bf16)]
    [InlineData(PackFormat.W8A8)]
    [InlineData(PackFormat.W4A8)]
    public void Combine_should_add_groups_ascending_then_the_shared_expert_then_the_residual(PackFormat format)
    {
        var model = TestModels.Random(TestModels.Odd, format);
        using var trunk = _kernels.OpenTrunk(model, new TrunkOptions(4, 1, 64));
        var dispatch = new LayerDispatch(model.Manifest, 4) { Rows = 3 };
        int count = 3 * model.Shape.HiddenSize;
        float[] shared = Floats(count, 50), hidden = Floats(count, 51), expected = [.. hidden];
        float[][] outputs = [.. Enumerable.Range(0, 4).Select(g => Floats(count, g))];
        for (int g = 0; g < 4; g++)
            Store(outputs[g], dispatch.OutputOf(g), dispatch.OutputType);

        for (int i = 0; i < count; i++)
            expected[i] += (((outputs[0][i] + outputs[1][i]) + outputs[2][i]) + outputs[3][i]) + shared[i];
        trunk.Combine(dispatch, shared, hidden);
        Assert.Null(Bits.Difference("hidden", expected, hidden));
    }

    [Fact]
    public void Group_output_should_be_the_chain_of_its_experts_in_ascending_id()
    {
        var model = TestModels.Random(TestModels.Odd, PackFormat.Bf16);
        using var group = _kernels.OpenGroup(model, 2, new GroupOptions(4));
        byte[] rows = MemoryMarshal.AsBytes(Floats(2 * 72, 9).AsSpan()).ToArray();
        float[] Forward(int[] experts, float[] weights)
        {
            var output = new float[2 * 72];
            group.Forward(1, 2, rows, experts, weights, MemoryMarshal.AsBytes(output.AsSpan()));
            return output;
        }

        // What single experts give at weight 1 (and the other's weight 0, which adds +0 to the chain's end).
        float[] one = Forward([1, 4, 1, 4], [1, 0, 1, 0]), four = Forward([1, 4, 1, 4], [0, 1, 0, 1]);
        float[] weights = [0.3f, 1.7f, 0.011f, 0.9f];
        var expected = new float[2 * 72];
        for (int i = 0; i < expected.Length; i++)
            expected[i] = MathF.FusedMultiplyAdd(weights[i / 72 * 2 + 1], four[i], MathF.FusedMultiplyAdd(weights[i / 72 * 2], one[i], 0f));
        Assert.Null(Bits.Difference("output", expected, Forward([1, 4, 1, 4], weights)));
    }

    [Theory]
    [InlineData(ElementType.F32, 0)]
    [InlineData(ElementType.F32, 63)]
    [InlineData(ElementType.Bf16, 64)]
    [InlineData(ElementType.F32, 150)]
    [InlineData(ElementType.I8, 0)]
    [InlineData(ElementType.I8, 63)]
    [InlineData(ElementType.I8, 150)]
    public void Attention_should_follow_the_page_block_by_block(ElementType type, int position)
    {
        var shape = TestModels.Odd; // 6 heads of 12 over 2 kv heads
        int[] table = [2, 0, 1];
        var cache = KvCache.Create(shape, type, 3);
        float[][] keys = [.. Enumerable.Range(0, position + 1).Select(p => Floats(24, 100 + p))];
        float[][] values = [.. Enumerable.Range(0, position + 1).Select(p => Floats(24, 500 + p))];
        for (int p = 0; p <= position; p++)
            cache.Store(1, table[p / 64], p % 64, keys[p], values[p]);
        if (type == ElementType.Bf16)
            foreach (float[] row in keys.Concat(values))
                Store([.. row], MemoryMarshal.AsBytes(new ushort[24].AsSpan()), type, back: row);

        float[] queries = [.. Floats(72, 7).Select(q => q * 4)], output = new float[72];
        new Attention(shape, cache).Row(1, queries, position, table, output);
        for (int head = 0; head < 6; head++)
        {
            int at = head / 3 * 12;
            float[] expected = Scalar(type, queries[(head * 12)..(head * 12 + 12)], position, p => keys[p][at..(at + 12)], p => values[p][at..(at + 12)]);
            Assert.Null(Bits.Difference($"head {head}", expected, output.AsSpan(head * 12, 12)));
        }
    }

    private static float[] Scalar(ElementType type, float[] q, int position, Func<int, float[]> key, Func<int, float[]> value)
    {
        float scale = 1.0f / MathF.Sqrt(q.Length), max = float.NegativeInfinity, sum = 0f;
        var acc = new float[q.Length];
        for (int start = 0; start <= position; start += 64)
        {
            int[] valid = [.. Enumerable.Range(start, Math.Min(64, position - start + 1))];
            float[] s = [.. valid.Select(p => type == ElementType.I8 ? IntegerScore(q, key(p), scale) : Reduction.Dot(q, key(p)) * scale)];
            float newMax = Math.Max(max, s.Max());
            float f = Exponential.Of(max - newMax);
            float[] e = [.. s.Select(x => Exponential.Of(x - newMax))];
            sum = MathF.FusedMultiplyAdd(sum, f, Reduction.Sum(e));
            float[] o = type == ElementType.I8 ? IntegerOutput(e, i => value(valid[i])) : FloatOutput(e, i => value(valid[i]));
            for (int d = 0; d < q.Length; d++)
                acc[d] = MathF.FusedMultiplyAdd(acc[d], f, o[d]);
            max = newMax;
        }
        return [.. acc.Select(a => a / sum)];
    }

    private static float[] FloatOutput(float[] p, Func<int, float[]> value)
    {
        float[] o = new float[value(0).Length];
        for (int i = 0; i < p.Length; i++)
            for (int d = 0; d < o.Length; d++)
                o[d] = MathF.FusedMultiplyAdd(p[i], value(i)[d], o[d]);
        return o;
    }

    private static float IntegerScore(float[] q, float[] key, float scale)
    {
        var (query, factor) = Quantized(q);
        var (stored, keyScale) = Quantized(key);
        return query.Zip(stored, (a, b) => a * b).Sum() * (factor * scale * keyScale);
    }

    private static float[] IntegerOutput(float[] p, Func<int, float[]> value)
    {
        var stored = p.Select((_, i) => Quantized(value(i))).ToArray();
        float[] w = [.. p.Select((x, i) => x * stored[i].Scale)];
        float unit = w.Max() / 16383f, inverse = 16383f / w.Max();
        return [.. Enumerable.Range(0, stored[0].Q.Length).Select(d => w.Select((x, i) => (int)MathF.Round(x * inverse) * stored[i].Q[d]).Sum() * unit)];
    }

    private static (int[] Q, float Scale) Quantized(float[] x)
    {
        float m = x.Max(Math.Abs), inverse = 127f / m;
        return ([.. x.Select(v => (int)MathF.Round(v * inverse))], m / 127f);
    }

    /// <summary>Writes values in an output type; what was rounded away goes from the values too.</summary>
    private static void Store(float[] values, Span<byte> target, ElementType type, float[]? back = null)
    {
        for (int i = 0; i < values.Length; i++)
            if (type == ElementType.F32)
            {
                MemoryMarshal.Cast<byte, float>(target)[i] = values[i];
            }
            else
            {
                ushort word = HalfWords.ToBf16(values[i]);
                MemoryMarshal.Cast<byte, ushort>(target)[i] = word;
                (back ?? values)[i] = HalfWords.FromBf16(word);
            }
    }

    private static float[] Floats(int count, int seed) =>
        [.. Enumerable.Range(0, count).Select(i => (float)((double)Philox.Draw53((ulong)seed, i, 1) / (1L << 52) - 1))];
}
