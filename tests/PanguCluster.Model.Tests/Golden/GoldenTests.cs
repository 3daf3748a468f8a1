using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;
using PanguCluster.Model.Tests.Kernels;
using Xunit;

namespace PanguCluster.Model.Tests.Golden;

public sealed class GoldenTests
{
    private static readonly ManagedKernels _kernels = new();

    [Theory]
    [InlineData("tiny-a")]
    [InlineData("tiny-c")]
    public void Model_should_compute_what_the_reference_does(string name) =>
        Assert.Empty(GoldenChecks.Tiny(_kernels, TestModels.Packed($"golden/{name}", PackFormat.Bf16), name));

    [Fact]
    public void Nano_should_answer_as_its_reference_does() =>
        Assert.Empty(GoldenChecks.Nano(_kernels, TestModels.Packed("pangu-nano", PackFormat.Bf16), logitTolerance: 1e-3f));

    [Theory]
    [InlineData("golden/tiny-c", PackFormat.Bf16)]
    [InlineData("golden/tiny-c", PackFormat.W8A8)]
    [InlineData("pangu-nano", PackFormat.Bf16)]
    [InlineData("pangu-nano", PackFormat.W8A8)]
    [InlineData("pangu-nano", PackFormat.W4A8)]
    public void Real_weights_should_give_the_same_bits_in_chunks_and_among_strangers(string name, PackFormat format)
    {
        var model = TestModels.Packed(name, format);
        Assert.Null(BitsChecks.Chunking(_kernels, model));
        Assert.Null(BitsChecks.Strangers(_kernels, model));
    }

    [Fact]
    public void Reference_should_refute_a_model_when_one_exponent_bit_of_one_weight_is_flipped()
    {
        var damaged = TestModels.Copy(TestModels.Packed("golden/tiny-c", PackFormat.Bf16), "tiny-c-flipped");
        var output = damaged.Trunk.Layers[0].Output;
        using (var file = File.Open(damaged.TrunkPath, FileMode.Open))
        {
            file.Position = output.Offset + 1;
            int stored = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(stored ^ 0x40));
        }
        Assert.NotEmpty(GoldenChecks.Tiny(_kernels, damaged, "tiny-c"));
    }
}
