using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Experts;

public sealed class ExpertGroupTests
{
    private static readonly SamplingParameters Greedy = new() { Temperature = 0 };

    [Fact]
    public async Task Group_should_report_why_and_recover_when_its_file_is_damaged_and_mended()
    {
        var model = TestModel.Write(PackFormat.Bf16, 77);
        string path = model.GroupPath(3);
        byte[] good = await File.ReadAllBytesAsync(path);
        byte[] bad = [.. good];
        bad[good.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(path, bad);
        await using var node = await TestNode.Start(TestNode.Setup("solo", model));

        await Eventually.Holds(() => node.Snapshot.Groups[3].State == GroupInfo.Failed, "group 3 reported as failed");
        Assert.Contains("group-03.bin", node.Snapshot.Groups[3].Detail, StringComparison.Ordinal);
        await Eventually.Holds(() => node.Snapshot.Groups.Count(g => g.State == GroupInfo.Ready) == 7, "the others ready");

        await File.WriteAllBytesAsync(path, good);
        await node.Ready();
        Assert.IsType<StreamEvent.Finished>((await node.Generate([1, 5, 9], 4, Greedy))[^1]);
    }

    [Fact]
    public async Task Stream_should_end_with_internal_and_the_node_go_on_when_a_kernel_throws()
    {
        var kernels = new FaultyKernels();
        await using var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16) with { Kernels = kernels });
        await node.Ready();
        foreach (var fault in new[] { Fault.Group, Fault.Trunk, Fault.Shared })
        {
            kernels.Fault = fault;
            var failed = Assert.IsType<StreamEvent.Failed>((await node.Generate([1, 5, 9], 8, Greedy))[^1]);
            Assert.Equal(FailureKind.Internal, failed.Kind);
            Assert.Contains("injected", failed.Message, StringComparison.Ordinal);

            kernels.Fault = Fault.None;
            Nodes.Tokens.AssertSame(Reference.Tokens(TestModel.Bf16, [1, 5, 9], 8, Greedy), await node.Generate([1, 5, 9], 8, Greedy));
        }
        Assert.Equal(node.Node.Load.Value.TotalBlocks, node.Node.Load.Value.FreeBlocks);
    }

    [Fact]
    public async Task Groups_should_be_mapped_only_where_memory_is_short_and_compute_the_same()
    {
        long room = 3 * TestModel.Bf16.Group.Length + 1;
        await using var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16) with { Warm = WarmMode.Auto, WeightMemory = () => room });
        await node.Ready();
        var states = node.Snapshot.Groups.SelectMany(g => g.Replicas).Select(r => r.State).ToArray();
        Assert.Equal((3, 5), (states.Count(s => s == GroupInfo.Ready), states.Count(s => s == GroupReplicaInfo.Mapped)));
        Nodes.Tokens.AssertSame(Reference.Tokens(TestModel.Bf16, [1, 5, 9], 8, Greedy), await node.Generate([1, 5, 9], 8, Greedy));
    }

    [Theory]
    [InlineData(WarmMode.Auto, 1, 200, true)]
    [InlineData(WarmMode.Auto, 2, 200, false)]
    [InlineData(WarmMode.Auto, 0, 99, false)]
    [InlineData(WarmMode.On, 9, 0, true)]
    [InlineData(WarmMode.Off, 0, long.MaxValue, false)]
    public void Group_should_be_warmed_as_long_as_memory_holds_it(WarmMode mode, int warm, long available, bool expected) =>
        Assert.Equal(expected, WarmBudget.Fits(mode, 100, warm, available));

    [Fact]
    public void Budget_should_take_back_what_is_returned()
    {
        var budget = new WarmBudget(WarmMode.Auto, 100, () => 100);
        Assert.True(budget.TryTake());
        Assert.False(budget.TryTake());
        budget.Return();
        Assert.True(budget.TryTake());
    }

    [Fact]
    public async Task Node_should_dispose_every_handle_when_it_stops()
    {
        var kernels = new FaultyKernels();
        var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16) with { Kernels = kernels });
        await node.Ready();
        Assert.Equal(9, kernels.Open);
        await node.DisposeAsync();
        Assert.Equal(0, kernels.Open);
    }
}
