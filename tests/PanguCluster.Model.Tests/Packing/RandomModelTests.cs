using System.Runtime.InteropServices;
using PanguCluster.Model.Packing;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

public sealed class RandomModelTests
{
    [Theory]
    [InlineData(PackFormat.Bf16, ElementType.Bf16)]
    [InlineData(PackFormat.Bf16, ElementType.F16)]
    [InlineData(PackFormat.W8A8, ElementType.Bf16)]
    [InlineData(PackFormat.W4A8, ElementType.F16)]
    public void RandomModel_should_open_and_verify_when_written(PackFormat format, ElementType halfType)
    {
        using var temp = new TempFolder();
        RandomModel.Write(temp["m"], TestShapes.Odd, format, seed: 7, halfType);
        var model = PackedModel.Open(temp["m"]);
        Assert.Equal(TestShapes.Odd, model.Shape);
        Assert.Empty(model.MissingFiles);
        foreach (var file in model.Manifest.Files)
            model.VerifyFile(file.Name);
    }

    [Fact]
    public void RandomModel_should_give_the_same_digest_only_for_the_same_seed()
    {
        using var temp = new TempFolder();
        string a = RandomModel.Write(temp["a"], TestShapes.Odd, PackFormat.W8A8, 1).Manifest.Digest;
        string b = RandomModel.Write(temp["b"], TestShapes.Odd, PackFormat.W8A8, 1).Manifest.Digest;
        string c = RandomModel.Write(temp["c"], TestShapes.Odd, PackFormat.W8A8, 2).Manifest.Digest;
        Assert.Equal(a, b);
        Assert.NotEqual(a, c);
    }

    [Fact]
    public void RandomModel_should_store_zero_weights_when_lanes_or_inputs_are_missing()
    {
        using var temp = new TempFolder();
        var model = RandomModel.Write(temp["m"], TestShapes.Odd, PackFormat.W8A8, 3);
        byte[] group = File.ReadAllBytes(model.GroupPath(1));
        var down = model.Group.Experts[1, 2].Down; // [72, 30]: two panels, 8 lanes in the second, 30 of 32 inputs
        var weights = group.AsSpan((int)down.Offset, (int)down.WeightBytes);
        int panel = (int)down.PanelBytes;
        for (int k = 0; k < down.PaddedInputs; k++)
            for (int lane = 0; lane < 2 * 64; lane++)
            {
                byte stored = weights[lane / 64 * panel + k / 4 * 256 + lane % 64 * 4 + k % 4];
                if (lane >= 72 || k >= 30)
                    Assert.Equal(PanelTensor.ZeroI8, stored);
                Assert.NotEqual(0, stored);
            }
        var scales = MemoryMarshal.Cast<byte, float>(group.AsSpan((int)down.ScalesOffset, 128 * 4));
        Assert.All(scales[..72].ToArray(), s => Assert.True(s > 0));
        Assert.All(scales[72..].ToArray(), s => Assert.Equal(0f, s));
    }

    [Fact]
    public void RandomModel_should_store_zero_nibbles_when_lanes_or_inputs_are_missing()
    {
        using var temp = new TempFolder();
        var model = RandomModel.Write(temp["m"], TestShapes.Odd with { ExpertIntermediate = 134 }, PackFormat.W4A8, 3);
        var reader = new PackedReader(model.GroupPath(1));
        var down = model.Group.Experts[1, 2].Down; // [72, 134]: 8 lanes in the second panel, 6 of 8 inputs in the second group
        var seen = new HashSet<int>();
        for (int k = 0; k < down.PaddedInputs; k++)
            for (int lane = 0; lane < 2 * 64; lane++)
            {
                int q = reader.Nibble(down, lane, k);
                Assert.InRange(q, -7, 7);
                if (lane >= 72 || k >= 134)
                    Assert.Equal(0, q);
                else
                    seen.Add(q);
                Assert.Equal(lane < 72, reader.GroupScale(down, lane, k) > 0);
            }
        Assert.Equal(15, seen.Count);
        Assert.NotEqual(reader.GroupScale(down, 5, 0), reader.GroupScale(down, 5, 128));
        Assert.NotEqual(reader.GroupScale(down, 5, 0), reader.GroupScale(down, 6, 0));
    }
}
