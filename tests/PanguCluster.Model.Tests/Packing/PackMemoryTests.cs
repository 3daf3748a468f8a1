using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Checkpoints;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

public sealed class PackMemoryTests
{
    /// <summary>
    /// The managed heap while packing grows by strips and panels, not by tensors: here the checkpoint is 26 MB, its largest tensor 8.4 MB,
    /// one strip of the widest matrix 0.5 MB.
    /// </summary>
    [Theory]
    [InlineData(PackFormat.Bf16)]
    [InlineData(PackFormat.W8A8)]
    [InlineData(PackFormat.W4A8)]
    public void Pack_should_allocate_by_the_strip_when_the_checkpoint_is_large(PackFormat format)
    {
        using var temp = new TempFolder();
        var shape = TestShapes.Odd with { HiddenSize = 1024, Heads = 8, VocabSize = 4096, Layers = 1, ExpertIntermediate = 64, SharedIntermediate = 128, Experts = 8 };
        var checkpoint = new TestCheckpoint(shape, ElementType.Bf16);
        long bytes = checkpoint.Tensors.Values.Sum(t => (long)t.Data.Length);
        Assert.True(bytes > 20 << 20);
        checkpoint.Write(temp["src"]);
        checkpoint.Tensors.Clear();
        Packer.Pack(temp["src"], temp["warm"], new PackOptions(format));

        long before = GC.GetAllocatedBytesForCurrentThread();
        Packer.Pack(temp["src"], temp["dst"], new PackOptions(format));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        // Everything allocated over the whole pack, live or not: an upper bound of the peak.
        Assert.True(allocated < 8 << 20, $"packing {bytes} bytes allocated {allocated}");
    }
}
