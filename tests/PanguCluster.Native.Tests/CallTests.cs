using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Native.Tests;

/// <summary>Calls on open handles: wrong arguments give an exception that names them, right ones allocate nothing.</summary>
public sealed class CallTests : IDisposable
{
    private const int Rows = 6;
    private readonly PackedModel _model = TestModels.Random(TestModels.Odd, PackFormat.W8A8);
    private readonly ITrunk _trunk;
    private readonly IExpertGroup _group;
    private readonly StepBatch _batch = new(Rows, 8);
    private readonly LayerDispatch _dispatch;
    private readonly float[] _hidden;
    private readonly float[] _shared;
    private readonly float[] _logits;

    public CallTests()
    {
        var kernels = NativeKernels.Create();
        _trunk = kernels.OpenTrunk(_model, new TrunkOptions(Rows, 4, 128, Threads: 2));
        _group = kernels.OpenGroup(_model, 0, new GroupOptions(Rows, Threads: 2));
        _dispatch = new LayerDispatch(_model.Manifest, Rows) { Rows = Rows };
        _hidden = new float[Rows * _model.Shape.HiddenSize];
        _shared = new float[_hidden.Length];
        _logits = new float[Rows * _model.Shape.VocabSize];
        for (int r = 0; r < Rows; r++)
            (_batch.Tokens[r], _batch.Positions[r], _batch.LogitRows[r]) = (r * 7, r, r);
        (_batch.Rows, _batch.LogitCount, _batch.BlockEntries, _batch.Blocks[0]) = (Rows, Rows, 1, 3);
    }

    [Fact]
    public void Step_should_allocate_nothing_when_warm()
    {
        Step();
        Step();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
            Step();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(75)]
    [InlineData(int.MaxValue)]
    public void Embed_should_name_the_token_when_out_of_range(int token)
    {
        _batch.Tokens[4] = token;
        Assert.Contains("tokens[4]", Assert.Throws<ArgumentException>(() => _trunk.Embed(_batch, _hidden)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attend_should_name_what_is_out_of_range()
    {
        Assert.Contains("layer", Refused(() => _trunk.Attend(2, _batch, _hidden)), StringComparison.Ordinal);
        Assert.Contains("hidden", Refused(() => _trunk.Attend(0, _batch, _hidden.AsSpan(1))), StringComparison.Ordinal);
        _batch.Positions[5] = 128;
        Assert.Contains("positions[5]", Refused(() => _trunk.Attend(0, _batch, _hidden)), StringComparison.Ordinal);
        _batch.Positions[5] = 64;
        Assert.Contains("tables[5]", Refused(() => _trunk.Attend(0, _batch, _hidden)), StringComparison.Ordinal);
        _batch.Positions[5] = 5;
        _batch.Blocks[0] = 4;
        Assert.Contains("blocks[0]", Refused(() => _trunk.Attend(0, _batch, _hidden)), StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_should_be_refused_when_a_count_exceeds_its_arrays()
    {
        _batch.BlockEntries = 9;
        Assert.Throws<ArgumentOutOfRangeException>(() => _trunk.Attend(0, _batch, _hidden));
        (_batch.BlockEntries, _batch.Rows) = (1, Rows + 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => _trunk.Embed(_batch, _hidden));
        (_batch.Rows, _batch.LogitCount) = (Rows, Rows + 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => _trunk.Logits(_batch, _hidden, _logits));
    }

    [Fact]
    public void Forward_should_name_what_is_out_of_range()
    {
        Step();
        int[] experts = _dispatch.ExpertsOf(0).ToArray();
        var output = new byte[_dispatch.OutputBytesPerGroup];
        string Forward(int layer, int rows, int bytes) => Refused(() => _group.Forward(
            layer, rows, _dispatch.ActivationRows, experts, _dispatch.WeightsOf(0), output.AsSpan(0, bytes)));
        Assert.Contains("layer", Forward(-1, Rows, output.Length), StringComparison.Ordinal);
        Assert.Contains("rows", Forward(0, 0, output.Length), StringComparison.Ordinal);
        Assert.Contains("rows", Forward(0, Rows + 1, output.Length), StringComparison.Ordinal);
        Assert.Contains("output", Forward(0, Rows, output.Length - 1), StringComparison.Ordinal);
        experts[3] = 5;
        Assert.Contains("experts[3]", Forward(0, Rows, output.Length), StringComparison.Ordinal);
        (experts[2], experts[3]) = (1, 1);
        Assert.Contains("experts[3]", Forward(0, Rows, output.Length), StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _trunk.Dispose();
        _group.Dispose();
    }

    private static string Refused(Action call) => Assert.Throws<ArgumentException>(call).Message;

    private void Step()
    {
        _trunk.Embed(_batch, _hidden);
        _trunk.Attend(0, _batch, _hidden);
        _trunk.Route(0, _hidden, _dispatch);
        _group.Forward(0, Rows, _dispatch.ActivationRows, _dispatch.ExpertsOf(0), _dispatch.WeightsOf(0), _dispatch.OutputOf(0));
        _trunk.SharedExpert(0, _dispatch, _shared);
        _trunk.Combine(_dispatch, _shared, _hidden);
        _trunk.Logits(_batch, _hidden, _logits);
    }
}
