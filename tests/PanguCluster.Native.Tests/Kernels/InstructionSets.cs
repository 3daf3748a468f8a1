using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Native.Tests.Kernels;

/// <summary>What the theories run over: the instruction sets of this machine, and models.</summary>
internal static class InstructionSets
{
    public static IEnumerable<string> Supported => NativeKernels.InstructionSets.Where(NativeKernels.IsSupported);

    public static TheoryData<string, PackFormat> TimesFormats
    {
        get
        {
            var data = new TheoryData<string, PackFormat>();
            foreach (string isa in Supported)
                foreach (var format in (PackFormat[])[PackFormat.Bf16, PackFormat.W8A8, PackFormat.W4A8])
                    data.Add(isa, format);
            return data;
        }
    }

    /// <summary>A head of 10 (half of it odd), a hidden size that is no multiple of 4, three experts of a group per token, one KV head per head.</summary>
    public static ModelShape Uneven { get; } = TestModels.Odd with
    {
        VocabSize = 130,
        HiddenSize = 70,
        Heads = 7,
        KvHeads = 7,
        Experts = 12,
        ExpertsPerToken = 6,
        Groups = 2,
        ExpertIntermediate = 33,
        SharedIntermediate = 65,
        Layers = 1,
    };

    /// <summary>The common case: whole panels, one expert of every group, head of 64.</summary>
    public static ModelShape Even { get; } = TestModels.Odd with
    {
        VocabSize = 192,
        HiddenSize = 256,
        Heads = 4,
        KvHeads = 1,
        Experts = 32,
        ExpertsPerToken = 8,
        Groups = 8,
        ExpertIntermediate = 128,
        SharedIntermediate = 320,
        Layers = 1,
    };
}
