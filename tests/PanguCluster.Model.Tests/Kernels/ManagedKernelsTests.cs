using PanguCluster.Model.Kernels;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Kernels;

public sealed class ManagedKernelsTests
{
    private static readonly ManagedKernels _kernels = new();

    public static TheoryData<PackFormat> Formats => [PackFormat.Bf16, PackFormat.W8A8, PackFormat.W4A8];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Logits_should_keep_their_bits_when_the_prompt_is_chunked(PackFormat format) =>
        Assert.Null(BitsChecks.Chunking(_kernels, TestModels.Random(TestModels.Odd, format)));

    [Theory]
    [MemberData(nameof(Formats))]
    public void Logits_should_keep_their_bits_when_strangers_share_the_batch(PackFormat format) =>
        Assert.Null(BitsChecks.Strangers(_kernels, TestModels.Random(TestModels.Odd, format)));

    [Theory]
    [MemberData(nameof(Formats))]
    public void Logits_should_keep_their_bits_when_inputs_span_blocks_of_512(PackFormat format) =>
        Assert.Null(BitsChecks.Strangers(_kernels, TestModels.Random(TestModels.Wide, format), strangers: 6));

    [Fact]
    public void Detector_should_see_a_batch_dependent_kernel()
    {
        var model = TestModels.Random(TestModels.Odd, PackFormat.Bf16);
        Assert.NotNull(BitsChecks.Chunking(new FaultyKernels(_kernels, FaultyKernels.Fault.SeesTheBatch), model));
        Assert.NotNull(BitsChecks.Strangers(new FaultyKernels(_kernels, FaultyKernels.Fault.SeesItsPlace), model));
    }

    [Theory]
    [InlineData(PackFormat.Bf16, FaultyKernels.Fault.CombineReversed)]
    [InlineData(PackFormat.Bf16, FaultyKernels.Fault.SharedFirst)]
    [InlineData(PackFormat.W8A8, FaultyKernels.Fault.SharedFirst)]
    internal void Detector_should_see_outputs_combined_in_another_order(PackFormat format, FaultyKernels.Fault fault)
    {
        var model = TestModels.Random(TestModels.Odd, format);
        Assert.Null(BitsChecks.Agreement(_kernels, _kernels, model));
        Assert.NotNull(BitsChecks.Agreement(_kernels, new FaultyKernels(_kernels, fault), model));
    }

    [Theory]
    [InlineData(PackFormat.Bf16)]
    [InlineData(PackFormat.W8A8)]
    [InlineData(PackFormat.W4A8)]
    public void Flipped_weight_bit_should_be_refused_at_open_and_seen_in_the_bits(PackFormat format)
    {
        var right = TestModels.Random(TestModels.Odd, format);
        var damaged = TestModels.Copy(right, $"flipped-{format}");
        using (var file = File.Open(damaged.GroupPath(1), FileMode.Open))
        {
            // The lowest mantissa bit, or the lowest bit of an integer weight, of expert 0's first gate weight.
            file.Position = damaged.Group.Experts[0, 0].GateUp.Offset;
            int stored = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(stored ^ 1));
        }

        var error = Assert.Throws<ModelFormatException>(() => _kernels.OpenGroup(damaged, 1, new GroupOptions(4)));
        Assert.Contains("group-01.bin", error.Message, StringComparison.Ordinal);
        Assert.NotNull(BitsChecks.Agreement(_kernels, _kernels, right, damaged));
    }

    [Fact]
    public void Group_should_be_refused_when_its_file_is_missing_or_short()
    {
        var damaged = TestModels.Copy(TestModels.Random(TestModels.Odd, PackFormat.Bf16), "short");
        File.Delete(damaged.GroupPath(0));
        Assert.Throws<ModelFormatException>(() => _kernels.OpenGroup(damaged, 0, new GroupOptions(4, VerifyDigest: false)));
        using (var file = File.Open(damaged.TrunkPath, FileMode.Open))
            file.SetLength(file.Length - 64);
        Assert.Throws<ModelFormatException>(() => _kernels.OpenTrunk(damaged, new TrunkOptions(4, 4, 64, VerifyDigest: false)));
    }
}
