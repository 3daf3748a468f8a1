using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;
using PanguCluster.Model.Tests.Golden;
using PanguCluster.Native.Tests.Kernels;
using Xunit;

namespace PanguCluster.Native.Tests.Quality;

/// <summary>The reference outputs, on the native kernels; the checks are those that the managed reference passes.</summary>
public sealed class GoldenTests
{
    public static TheoryData<string> Supported => [.. InstructionSets.Supported];

    [Theory]
    [MemberData(nameof(Supported))]
    public void Kernels_should_compute_what_the_reference_does(string isa)
    {
        var kernels = NativeKernels.Create(isa);
        foreach (string name in (string[])["tiny-a", "tiny-c"])
            Assert.Empty(GoldenChecks.Tiny(kernels, TestModels.Packed($"golden/{name}", PackFormat.Bf16), name));
    }

    [Fact]
    public void Nano_should_answer_as_its_reference_does() =>
        Assert.Empty(GoldenChecks.Nano(NativeKernels.Create(), TestModels.Packed("pangu-nano", PackFormat.Bf16), logitTolerance: 1e-3f));
}
