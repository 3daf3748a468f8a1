using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;
using PanguCluster.Model.Tests.Fixtures;
using PanguCluster.Model.Tests.Kernels;
using Xunit;

namespace PanguCluster.Native.Tests.Kernels;

/// <summary>Native = managed reference, bit for bit: logits, encoded rows, chosen experts, weights, group outputs.</summary>
public sealed class AgreementTests
{
    private static readonly ManagedKernels _managed = new();

    public static TheoryData<string, PackFormat> Sets => InstructionSets.TimesFormats;

    [Theory]
    [MemberData(nameof(Sets))]
    public void Native_should_have_the_references_bits_when_nothing_is_a_multiple_of_16(string isa, PackFormat format) =>
        Agree(isa, TestModels.Random(TestModels.Odd, format));

    [Theory]
    [MemberData(nameof(Sets))]
    public void Native_should_have_the_references_bits_when_inputs_span_blocks_of_512(string isa, PackFormat format) =>
        Agree(isa, TestModels.Random(TestModels.Wide, format));

    [Theory]
    [MemberData(nameof(Sets))]
    public void Native_should_have_the_references_bits_when_rows_are_no_multiple_of_4(string isa, PackFormat format) =>
        Agree(isa, TestModels.Random(InstructionSets.Uneven, format));

    [Theory]
    [MemberData(nameof(Sets))]
    public void Native_should_have_the_references_bits_when_panels_are_whole(string isa, PackFormat format) =>
        Agree(isa, TestModels.Random(InstructionSets.Even, format));

    [Theory]
    [MemberData(nameof(Sets))]
    public void Native_should_have_the_references_bits_when_the_cache_is_int8(string isa, PackFormat format)
    {
        foreach (var shape in (ModelShape[])[TestModels.Odd, InstructionSets.Uneven, InstructionSets.Even])
            Agree(isa, TestModels.Random(shape, format).WithKvCache(ElementType.I8));
    }

    [Fact]
    public void Native_should_differ_from_the_reference_when_the_cache_is_of_another_type()
    {
        var model = TestModels.Random(TestModels.Odd, PackFormat.W8A8);
        Assert.NotNull(BitsChecks.Agreement(_managed, NativeKernels.Create(), model, model.WithKvCache(ElementType.I8)));
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Native_should_have_the_references_bits_when_half_words_are_f16(string isa, PackFormat format)
    {
        using var folder = new ScratchFolder();
        Agree(isa, RandomModel.Write(folder["f16"], TestModels.Odd, format, seed: 11, ElementType.F16));
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Native_should_have_the_references_bits_when_the_model_is_pangu_nano(string isa, PackFormat format)
    {
        using var folder = new ScratchFolder();
        Agree(isa, Packer.Pack(RepositoryFolder.Path("models", "pangu-nano"), folder["nano"], new PackOptions(format)));
    }

    [Theory]
    [InlineData(PackFormat.Bf16)]
    [InlineData(PackFormat.W8A8)]
    [InlineData(PackFormat.W4A8)]
    public void Native_should_differ_from_the_reference_when_one_weight_bit_is_flipped(PackFormat format)
    {
        var right = TestModels.Random(TestModels.Odd, format);
        var damaged = TestModels.Copy(right, $"native-flipped-{format}");
        FlipBit(damaged.TrunkPath, damaged.Trunk.Layers[0].SharedDown.Offset);
        Assert.NotNull(BitsChecks.Agreement(_managed, NativeKernels.Create(), right, damaged));
    }

    [Theory]
    [InlineData(FaultyKernels.Fault.CombineReversed)]
    [InlineData(FaultyKernels.Fault.SharedFirst)]
    internal void Native_should_differ_from_the_reference_when_an_order_is_changed(FaultyKernels.Fault fault)
    {
        var model = TestModels.Random(TestModels.Odd, PackFormat.Bf16);
        Assert.NotNull(BitsChecks.Agreement(_managed, new FaultyKernels(NativeKernels.Create(), fault), model));
    }

    internal static void FlipBit(string path, long offset)
    {
        using var file = File.Open(path, FileMode.Open);
        file.Position = offset;
        int stored = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(stored ^ 1));
    }

    private static void Agree(string isa, PackedModel model) =>
        Assert.Null(BitsChecks.Agreement(_managed, NativeKernels.Create(isa), model));
}
