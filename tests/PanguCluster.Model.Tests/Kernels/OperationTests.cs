using FsCheck.Xunit;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Kernels.Managed.Matrices;
using PanguCluster.Model.Kernels.Managed.Operations;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Kernels;

/// <summary>Single operations against the text of NUMERICS.md written out in scalars, one line per sentence.</summary>
public sealed class OperationTests
{
    [Property(MaxTest = 200)]
    public void Dot_and_sum_should_follow_reduce16(byte length, int seed)
    {
        float[] a = Floats(length + 1, seed), b = Floats(length + 1, seed + 1);
        float[] dot = new float[16], sum = new float[16];
        for (int i = 0; i < a.Length; i++)
        {
            dot[i % 16] = MathF.FusedMultiplyAdd(a[i], b[i], dot[i % 16]);
            sum[i % 16] += a[i];
        }
        Assert.Null(Bits.Difference("dot", [Tree(dot)], [Reduction.Dot(a, b)]));
        Assert.Null(Bits.Difference("sum", [Tree(sum)], [Reduction.Sum(a)]));
    }

    [Theory]
    [InlineData(PackFormat.Bf16)]
    [InlineData(PackFormat.W8A8)]
    [InlineData(PackFormat.W4A8)]
    public void Matrix_product_should_follow_the_page_element_by_element(PackFormat format)
    {
        var model = TestModels.Random(TestModels.Wide, format);
        var layer = model.Trunk.Layers[0];
        byte[] bytes = File.ReadAllBytes(model.TrunkPath);
        using var file = WeightFile.Open(model, PackedModel.TrunkFileName, model.Trunk.Length, verifyDigest: true);
        foreach (var tensor in (PanelTensor[])[layer.Qkv, layer.Gate, layer.SharedGateUp, layer.SharedDown])
        {
            var matrix = PanelMatrix.Read(file, tensor);
            var input = matrix.NewInput(3);
            float[][] x = [.. Enumerable.Range(0, 3).Select(row => Floats(tensor.Inputs, row + 10))];
            for (int row = 0; row < 3; row++)
                input.Load(row, x[row]);
            var y = new float[3 * matrix.ResultWidth];
            matrix.Multiply(input, 3, y);
            for (int row = 0; row < 3; row++)
            {
                float[] expected = [.. Enumerable.Range(0, matrix.ResultWidth).Select(o => Product(bytes, tensor, o, x[row]))];
                Assert.Null(Bits.Difference($"{tensor.Type} row {row}", expected, y.AsSpan(row * matrix.ResultWidth, matrix.ResultWidth)));
            }
        }
    }

    [Fact]
    public void Quantize_should_round_half_to_even_and_give_zero_for_a_tiny_row()
    {
        var q = new sbyte[5];
        Assert.Equal(1f, ActivationRows.QuantizeRow([127f, -126.5f, 0.5f, 1.5f, -2.5f], q));
        Assert.Equal([127, -126, 0, 2, -2], q);
        Assert.Equal(0f, ActivationRows.QuantizeRow([7.8e-31f, 0f, 0f, 0f, -7e-31f], q));
        Assert.All(q, v => Assert.Equal(0, v));
    }

    [Fact]
    public void Router_should_choose_the_best_of_every_group_and_the_lower_id_when_equal()
    {
        var shape = TestModels.Odd; // 4 groups of 5, 2 chosen
        float[] s = new float[20];
        (s[0], s[3], s[4]) = (0.3f, 0.3f, 0.3f); // equal: 0 and 3
        (s[5], s[9]) = (0.1f, 0.2f); // listed ascending: 0 and 4
        s[12] = 0.5f; // the rest are equal: 0 and 2
        float[] scale = [.. Enumerable.Range(1, 20).Select(i => (float)i)];
        var experts = new int[8 * 2];
        var weights = new float[8 * 2];
        new Router(shape).Choose(s, scale, row: 1, rows: 2, experts, weights);
        Assert.Equal([0, 3, 0, 4, 0, 2, 0, 1], Enumerable.Range(0, 4).SelectMany(g => experts.AsSpan((g * 2 + 1) * 2, 2).ToArray()));
        Assert.Equal([0.3f * 1, 0.3f * 4], weights.AsSpan(2, 2).ToArray());
        Assert.Equal([0f, 0.5f * 13], weights.AsSpan(10, 2).ToArray());
    }

    /// <summary>One output of one row, from the bytes of the file.</summary>
    private static float Product(byte[] file, PanelTensor t, int output, float[] x)
    {
        int panel = output / PanelTensor.Lanes, lane = output % PanelTensor.Lanes;
        long start = t.Offset + panel * t.PanelBytes;
        float bias = t.BiasOffset == PanelTensor.None ? -0f : BitConverter.ToSingle(file, (int)t.BiasOffset + output * 4);
        if (t.Type == ElementType.I8)
        {
            var q = new sbyte[x.Length];
            float rowScale = ActivationRows.QuantizeRow(x, q);
            int sum = 0;
            for (int k = 0; k < x.Length; k++)
                sum += q[k] * (file[start + (k / 4 * 64 + lane) * 4 + k % 4] - 128);
            return sum * (rowScale * BitConverter.ToSingle(file, (int)t.ScalesOffset + output * 4)) + bias;
        }
        if (t.Type == ElementType.I4)
            return Grouped(file, start, lane, x) + bias;
        float total = 0f;
        for (int block = 0; block < x.Length; block += 512)
        {
            float chain = 0f;
            for (int k = block; k < Math.Min(block + 512, x.Length); k++)
            {
                int at = (int)start + (k * 64 + lane) * t.Type.Size();
                float w = t.Type == ElementType.F32 ? BitConverter.ToSingle(file, at) : HalfWords.FromBf16(BitConverter.ToUInt16(file, at));
                chain = MathF.FusedMultiplyAdd(w, x[k], chain);
            }
            total += chain;
        }
        return total + bias;
    }

    /// <summary>4-bit weights: a panel's group is 64 bf16 scales, then 128 inputs in nibbles.</summary>
    private static float Grouped(byte[] file, long panel, int lane, float[] x)
    {
        var q = new sbyte[x.Length];
        float rowScale = ActivationRows.QuantizeRow(x, q), y = 0f;
        for (int first = 0; first < x.Length; first += 128)
        {
            long group = panel + first / 128 * (128 + 64 * 64);
            int sum = 0;
            for (int k = 0; k < Math.Min(128, x.Length - first); k++)
            {
                byte pair = file[group + 128 + (k / 8 * 64 + lane) * 4 + k % 4];
                sum += q[first + k] * ((k % 8 < 4 ? pair & 15 : pair >> 4) - 8);
            }
            y = MathF.FusedMultiplyAdd(sum, HalfWords.FromBf16(BitConverter.ToUInt16(file, (int)group + lane * 2)), y);
        }
        return y * rowScale;
    }

    private static float Tree(float[] p)
    {
        foreach (int half in (int[])[8, 4, 2, 1])
            for (int j = 0; j < half; j++)
                p[j] += p[j + half];
        return p[0];
    }

    private static float[] Floats(int count, int seed) =>
        [.. Enumerable.Range(0, count).Select(i => (float)((double)Philox.Draw53((ulong)seed, i, 0) / (1L << 52) - 1))];
}
