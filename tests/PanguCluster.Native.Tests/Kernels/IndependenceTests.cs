using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;
using PanguCluster.Model.Tests.Kernels;
using Xunit;

namespace PanguCluster.Native.Tests.Kernels;

/// <summary>A row's bits depend on the row alone: not on chunks, neighbours or threads.</summary>
public sealed class IndependenceTests
{
    public static TheoryData<string, PackFormat> Sets => InstructionSets.TimesFormats;

    [Theory]
    [MemberData(nameof(Sets))]
    public void Logits_should_keep_their_bits_when_the_prompt_is_chunked(string isa, PackFormat format) =>
        Assert.Null(BitsChecks.Chunking(NativeKernels.Create(isa), TestModels.Random(TestModels.Odd, format)));

    [Theory]
    [MemberData(nameof(Sets))]
    public void Logits_should_keep_their_bits_when_strangers_share_the_batch(string isa, PackFormat format) =>
        Assert.Null(BitsChecks.Strangers(NativeKernels.Create(isa), TestModels.Random(TestModels.Odd, format)));

    [Theory]
    [MemberData(nameof(Sets))]
    public void Logits_should_keep_their_bits_when_the_cache_is_int8(string isa, PackFormat format)
    {
        var model = TestModels.Random(TestModels.Odd, format).WithKvCache(ElementType.I8);
        Assert.Null(BitsChecks.Chunking(NativeKernels.Create(isa), model));
        Assert.Null(BitsChecks.Strangers(NativeKernels.Create(isa), model));
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Logits_should_keep_their_bits_when_there_are_three_threads(string isa, PackFormat format)
    {
        var kernels = NativeKernels.Create(isa);
        // Wide enough that work is really handed to the workers.
        Assert.Null(BitsChecks.Agreement(kernels, new WithThreads(kernels, 3), TestModels.Random(TestModels.Wide, format)));
        Assert.Null(BitsChecks.Agreement(kernels, new WithThreads(kernels, 3), TestModels.Random(InstructionSets.Uneven, format)));
    }

    [Fact]
    public void Chunking_check_should_see_a_batch_dependent_kernel() =>
        Assert.NotNull(BitsChecks.Chunking(
            new FaultyKernels(NativeKernels.Create(), FaultyKernels.Fault.SeesTheBatch), TestModels.Random(TestModels.Odd, PackFormat.Bf16)));

    private sealed class WithThreads(IKernels kernels, int threads) : IKernels
    {
        public string Name => kernels.Name;

        public ITrunk OpenTrunk(PackedModel model, TrunkOptions options) => kernels.OpenTrunk(model, options with { Threads = threads });

        public IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options) =>
            kernels.OpenGroup(model, group, options with { Threads = threads });
    }
}
