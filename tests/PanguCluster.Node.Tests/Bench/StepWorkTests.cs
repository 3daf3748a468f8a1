using PanguCluster.Model.Packing;
using PanguCluster.Node.Bench;
using Xunit;

namespace PanguCluster.Node.Tests.Bench;

public sealed class StepWorkTests : IDisposable
{
    private readonly string _temp = Directory.CreateTempSubdirectory("pangu-work-").FullName;

    public void Dispose() => Directory.Delete(_temp, recursive: true);

    /// <summary>With every expert chosen and no context a step reads the whole model but the embedding rows it does not need.</summary>
    [Theory]
    [InlineData(PackFormat.Bf16)]
    [InlineData(PackFormat.W8A8)]
    [InlineData(PackFormat.W4A8)]
    public void Count_should_read_the_whole_model_once_when_every_expert_is_chosen(PackFormat format)
    {
        var shape = BenchShapes.Nano(2);
        var model = RandomModel.Write(Path.Combine(_temp, format.ToString()), shape, format, 1);
        var work = StepWork.Count(model, rows: shape.VocabSize, logitRows: 1, 0, 0, distinctExperts: 2 * 64);
        long rope = shape.HeadDim / 2 * 8;
        long padding = 64 - shape.HeadDim / 2 * 8 % 64;
        long all = model.Trunk.Length + 8 * model.Group.Length - rope - padding % 64;
        Assert.InRange(work.Bytes, all * 0.999, all * 1.0001);
    }

    [Fact]
    public void WeightOperationsPerLayer_should_be_two_per_active_parameter_of_the_published_model()
    {
        // Per layer of Pangu Pro MoE: attention 62,926,848 (12,288 of them biases, which are not multiplied), one expert 20,643,840, shared 82,575,360.
        double parameters = 62_926_848 - 12_288 + 8 * 20_643_840.0 + 82_575_360;
        Assert.Equal(2 * parameters, StepWork.WeightOperationsPerLayer(BenchShapes.PanguPro(1)));
    }

    [Fact]
    public void Count_should_add_gate_attention_and_head()
    {
        var model = RandomModel.Write(Path.Combine(_temp, "small"), BenchShapes.Nano(3), PackFormat.W8A8, 1);
        var work = StepWork.Count(model, rows: 5, logitRows: 2, cachedPositions: 70, attendedPositions: 90, distinctExperts: 40);
        Assert.Equal(5 * 3 * StepWork.WeightOperationsPerLayer(model.Shape) + 2 * 2 * 128 * 4096, work.WeightOperations);
        Assert.Equal(2 * 3 * (5 * 128 * 64 + 2 * 90 * 128), work.FloatOperations);
        double without = StepWork.Count(model, 5, 2, 0, 90, 40).Bytes;
        Assert.Equal(70 * 3 * 2 * 64 * 2, work.Bytes - without); // positions x layers x (key, value) x kv width x bf16
    }

    [Fact]
    public void TemporaryModel_should_be_gone_when_disposed()
    {
        string folder;
        using (var temporary = TemporaryModel.Write("t", BenchShapes.Nano(1), PackFormat.W8A8, (_, _, _) => { }, default))
        {
            folder = temporary.Model.Folder;
            Assert.True(Directory.Exists(folder));
        }
        Assert.False(Directory.Exists(Path.GetDirectoryName(folder)));
    }

    [Fact]
    public void Least_should_name_the_limit_that_binds()
    {
        var machine = new MachineLimits(1, "test", ReadBytesPerSecond: 10, Int8OperationsPerSecond: 100, Fp32OperationsPerSecond: 20);
        Assert.Equal((5, "read bandwidth"), new StepWork(50, 100, 20).Least(machine, PackFormat.W8A8));
        Assert.Equal((6, "fp32 throughput"), new StepWork(50, 100, 20).Least(machine, PackFormat.Bf16));
        Assert.Equal((11, "int8 throughput"), new StepWork(50, 1000, 20).Least(machine, PackFormat.W8A8));
    }
}
