using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Decoding;

/// <summary>What the engine's owner may rely on: outcomes of Submit, Cancel at any time, the order of calls.</summary>
public sealed class DecodeEngineContractTests : IDisposable
{
    private static readonly DecoderOptions _options = new(MaxRows: 16, MaxSequences: 3, MaxWaiting: 4, KvBlocks: 4, MaxPositions: 400);
    private readonly LocalModel _local = new(new ManagedKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options);
    private readonly RecordingSink _sink = new();
    private readonly DecodeEngine _engine;
    private readonly LocalStepDriver _driver;

    public DecodeEngineContractTests() => (_engine, _driver) = _local.NewEngine();

    public void Dispose()
    {
        _engine.Dispose();
        _local.Dispose();
    }

    [Theory]
    [InlineData(4 * 64, 1, SubmitOutcome.Accepted)] // the last token needs no place in the cache
    [InlineData(4 * 64, 2, SubmitOutcome.TooLong)]
    [InlineData(1, 256, SubmitOutcome.Accepted)]
    [InlineData(1, 257, SubmitOutcome.TooLong)]
    [InlineData(1, int.MaxValue, SubmitOutcome.TooLong)]
    public void Submit_should_refuse_what_the_cache_can_never_hold(int prompt, int maxTokens, SubmitOutcome expected) =>
        Assert.Equal(expected, _engine.Submit(Requests.Of(1, new int[prompt], maxTokens)));

    [Fact]
    public void Submit_should_refuse_what_is_over_the_position_limit_and_end_with_length_at_it()
    {
        using var local = new LocalModel(new ManagedKernels(), _local.Packed, _options with { MaxPositions = 20 });
        var (engine, driver) = local.NewEngine();
        Assert.Equal(SubmitOutcome.TooLong, engine.Submit(Requests.Of(1, new int[10], 11)));
        Assert.Equal(SubmitOutcome.Accepted, engine.Submit(Requests.Of(1, new int[10], 10)));
        driver.RunToEnd(_sink);
        Assert.Equal((FinishReason.Length, 10, 10, null), _sink.Finished[Requests.Id(1)]);
    }

    [Fact]
    public void Submit_should_refuse_a_request_that_breaks_a_rule()
    {
        Assert.Equal(SubmitOutcome.Invalid, _engine.Submit(Requests.Of(1, [], 5)));
        Assert.Equal(SubmitOutcome.Invalid, _engine.Submit(Requests.Of(1, [75], 5)));
        Assert.Equal(SubmitOutcome.Invalid, _engine.Submit(Requests.Of(1, [-1], 5)));
        Assert.Equal(SubmitOutcome.Invalid, _engine.Submit(Requests.Of(1, [1], 0)));
        Assert.Equal(SubmitOutcome.Invalid, _engine.Submit(Requests.Of(1, [1], 2, generated: [3, 4])));
        Assert.Equal(SubmitOutcome.Invalid, _engine.Submit(Requests.Of(1, [1], 2, generated: [99])));
        Assert.Equal(SubmitOutcome.Invalid, _engine.Submit(Requests.Of(1, [1], 2) with { Choice = -1 }));
        Assert.False(_engine.HasWork);
    }

    [Fact]
    public void Submit_should_refuse_when_the_queue_is_full_or_the_id_is_taken()
    {
        for (int i = 0; i < 4; i++)
            Assert.Equal(SubmitOutcome.Accepted, _engine.Submit(Requests.Of(i, [1, 2], 3)));
        Assert.Equal(SubmitOutcome.QueueFull, _engine.Submit(Requests.Of(9, [1, 2], 3)));
        Assert.Equal(SubmitOutcome.Duplicate, _engine.Submit(Requests.Of(2, [1, 2], 3)));
        _driver.Step(_sink);
        Assert.Equal((3, 1), (_engine.Load.Running, _engine.Load.Waiting));
        Assert.Equal(SubmitOutcome.Accepted, _engine.Submit(Requests.Of(9, [1, 2], 3)));
        Assert.Equal(SubmitOutcome.Duplicate, _engine.Submit(Requests.Of(0, [1, 2], 3)));
        _driver.RunToEnd(_sink);
        Assert.Equal(5, _sink.Finished.Count);
        Assert.Equal(SubmitOutcome.Accepted, _engine.Submit(Requests.Of(0, [1, 2], 3)));
    }

    [Fact]
    public void Cancel_should_free_blocks_at_once_when_no_step_is_under_way()
    {
        for (int i = 0; i < 4; i++)
            _engine.Submit(Requests.Of(i, new int[5], 20));
        _driver.Step(_sink);
        Assert.True(_engine.Cancel(Requests.Id(3))); // waits
        Assert.True(_engine.Cancel(Requests.Id(0))); // runs
        Assert.False(_engine.Cancel(Requests.Id(0)));
        Assert.False(_engine.Cancel(Requests.Id(77)));
        Assert.Equal((2, 0, 2), (_engine.Load.Running, _engine.Load.Waiting, _engine.Load.FreeBlocks));
        _driver.RunToEnd(_sink);
        Assert.Equal([Requests.Id(1), Requests.Id(2)], _sink.Finished.Keys);
        Assert.Equal(4, _engine.Load.FreeBlocks);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cancel_should_free_blocks_when_the_step_ends_or_is_given_up(bool abort)
    {
        _engine.Submit(Requests.Of(1, [1, 2, 3], 20));
        _engine.Submit(Requests.Of(2, [4, 5], 20));
        _driver.Step(_sink);
        _sink.Tokens.Clear();
        _engine.BeginStep();
        Assert.True(_engine.Cancel(Requests.Id(1)));
        Assert.Equal(2, _engine.Load.FreeBlocks);
        if (abort)
            _engine.AbortStep();
        else
            FinishStep();

        Assert.Equal((1, 3), (_engine.Load.Running, _engine.Load.FreeBlocks));
        Assert.Empty(_sink.Ids(Requests.Id(1)));
        Assert.Empty(_sink.Finished);
        _driver.RunToEnd(_sink);
        Assert.Equal([Requests.Id(2)], _sink.Finished.Keys);
        Assert.Equal(4, _engine.Load.FreeBlocks);
    }

    [Fact]
    public void Cancel_should_silence_a_sequence_when_the_sink_calls_it()
    {
        _engine.Submit(Requests.Of(1, [1, 2, 3], 20));
        _engine.Submit(Requests.Of(2, [4, 5], 20));
        // The first one's token ends both, before the second one's row is looked at.
        _sink.Then = (_, _) =>
        {
            Assert.True(_engine.Cancel(Requests.Id(1)));
            Assert.True(_engine.Cancel(Requests.Id(2)));
            Assert.Equal(SubmitOutcome.Accepted, _engine.Submit(Requests.Of(3, [6], 1)));
            _sink.Then = null;
        };
        _driver.Step(_sink);
        Assert.Equal((0, 1, 4), (_engine.Load.Running, _engine.Load.Waiting, _engine.Load.FreeBlocks));
        _driver.RunToEnd(_sink);
        Assert.Equal([Requests.Id(1), Requests.Id(3)], _sink.Tokens.Keys);
        Assert.Equal([Requests.Id(3)], _sink.Finished.Keys);
    }

    [Fact]
    public void Engine_should_say_when_it_is_driven_out_of_order()
    {
        Assert.Throws<InvalidOperationException>(() => _engine.AbortStep());
        Assert.Throws<InvalidOperationException>(() => _engine.EndStep(_sink));
        Assert.Throws<InvalidOperationException>(() => _engine.BeginLayer(0));
        Assert.Equal(0, _engine.BeginStep());
        _engine.Submit(Requests.Of(1, [1], 2));
        Assert.Equal(1, _engine.BeginStep());
        Assert.Throws<InvalidOperationException>(() => _engine.BeginStep());
        Assert.Throws<InvalidOperationException>(() => _engine.BeginLayer(1));
        Assert.Throws<InvalidOperationException>(() => _engine.EndLayer(0));
        _engine.BeginLayer(0);
        Assert.Throws<InvalidOperationException>(() => _engine.BeginLayer(0));
        Assert.Throws<InvalidOperationException>(() => _engine.EndStep(_sink));
    }

    [Fact]
    public void Long_prompt_should_not_stall_a_running_stream()
    {
        _engine.Submit(Requests.Of(1, [1], 15));
        _driver.Step(_sink);
        _engine.Submit(Requests.Of(2, new int[120], 2));
        for (int step = 2; step <= 9; step++)
        {
            _driver.Step(_sink);
            Assert.Equal(step, _sink.Ids(Requests.Id(1)).Length);
        }
        Assert.Single(_sink.Ids(Requests.Id(2))); // 8 steps of 15 rows beside the stream's
    }

    [Fact]
    public void Preempted_sequence_should_go_to_the_head_of_the_queue()
    {
        using var local = new LocalModel(new ManagedKernels(), _local.Packed, _options with { MaxSequences = 2, KvBlocks = 3 });
        var (engine, driver) = local.NewEngine();
        engine.Submit(Requests.Of(1, Requests.Tokens(60, 75, 1), 60));
        engine.Submit(Requests.Of(2, Requests.Tokens(60, 75, 2), 60));
        engine.Submit(Requests.Of(3, Requests.Tokens(10, 75, 3), 5)); // one block would do for it, but it came last
        driver.RunToEnd(_sink);
        Assert.Equal(1, engine.Load.Preemptions);
        Assert.Equal(Requests.Id(1), _sink.Finished.Keys.First());
        Assert.Equal(3, _sink.Finished.Count);
    }

    private void FinishStep()
    {
        for (int layer = 0; layer < _local.Packed.Shape.Layers; layer++)
        {
            var dispatch = _engine.BeginLayer(layer);
            foreach (var group in _local.Groups)
                group.Forward(
                    layer, dispatch.Rows, dispatch.ActivationRows, dispatch.ExpertsOf(group.Group), dispatch.WeightsOf(group.Group),
                    dispatch.OutputOf(group.Group));
            _engine.ComputeShared(layer);
            _engine.EndLayer(layer);
        }
        _engine.EndStep(_sink);
    }
}
