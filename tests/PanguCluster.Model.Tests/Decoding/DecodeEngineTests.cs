using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Decoding;

public sealed class DecodeEngineTests
{
    private static readonly ManagedKernels _kernels = new();
    private static readonly DecoderOptions _options = new(MaxRows: 32, MaxSequences: 8, MaxWaiting: 20, KvBlocks: 24, MaxPositions: 300);
    private static readonly SamplingParameters _sampled = new() { Temperature = 0.8f, TopP = 0.95f, Seed = 77, FrequencyPenalty = 0.2f };

    public static TheoryData<PackFormat> Formats => [PackFormat.Bf16, PackFormat.W8A8, PackFormat.W4A8];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Engine_should_give_the_tokens_of_a_plain_loop_when_greedy(PackFormat format)
    {
        using var local = new LocalModel(_kernels, TestModels.Random(TestModels.Odd, format), _options);
        var tokens = new List<int>(Requests.Tokens(70, 75, seed: 1));
        var expected = new List<int>();
        for (int i = 0; i < 6; i++)
        {
            float[] last = local.LogitsOf([.. tokens])[^1];
            expected.Add(Array.IndexOf(last, last.Max()));
            tokens.Add(expected[^1]);
        }
        Assert.Equal(expected, Alone(local, Requests.Of(1, [.. tokens.Take(70)], 6)));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Tokens_should_be_the_same_when_others_run_and_sequences_are_preempted(PackFormat format)
    {
        var model = TestModels.Random(TestModels.Odd, format);
        using var local = new LocalModel(_kernels, model, _options with { KvBlocks = 6 });
        var requests = Mixture(8);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        foreach (var request in requests)
            Assert.Equal(SubmitOutcome.Accepted, engine.Submit(request));
        driver.RunToEnd(sink);

        Assert.True(engine.Load.Preemptions > 0, "the scenario must preempt to say something");
        Assert.Equal((0, 0, 6), (engine.Load.Running, engine.Load.Waiting, engine.Load.FreeBlocks));
        Assert.Equal(requests.Sum(r => r.MaxTokens), engine.Load.TokensGenerated);
        foreach (var request in requests)
        {
            Assert.Equal(Alone(local, request), sink.Ids(request.Id));
            Assert.Equal((FinishReason.Length, request.Prompt.Length, request.MaxTokens, null), sink.Finished[request.Id]);
            Assert.Equal(Enumerable.Range(0, request.MaxTokens), sink.Tokens[request.Id].Select(t => t.Index));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(29)]
    public void Resumed_sequence_should_go_on_with_the_very_tokens(int done)
    {
        using var local = new LocalModel(_kernels, TestModels.Random(TestModels.Odd, PackFormat.W8A8), _options);
        var request = Requests.Of(1, Requests.Tokens(50, 75, 4), 30, _sampled) with { Choice = 2 };
        int[] whole = Alone(local, request);

        var sink = new RecordingSink();
        var (engine, driver) = local.NewEngine();
        engine.Submit(request with { Generated = whole[..done] });
        driver.RunToEnd(sink);

        Assert.Equal(whole[done..], sink.Ids(request.Id));
        Assert.Equal(done, sink.Tokens[request.Id][0].Index);
        Assert.Equal((FinishReason.Length, 50, 30, null), sink.Finished[request.Id]);
    }

    [Fact]
    public void Aborted_step_should_leave_no_trace_in_the_tokens()
    {
        using var local = new LocalModel(_kernels, TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options with { KvBlocks = 6 });
        var requests = Mixture(6);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        foreach (var request in requests)
            engine.Submit(request);
        var stepIds = new HashSet<long>();
        for (int step = 0; engine.HasWork; step++)
        {
            // Every other step is begun, driven into layer step % 2, and given up first.
            if (step % 2 == 0)
            {
                engine.BeginStep();
                Assert.True(stepIds.Add(engine.BeginLayer(0).StepId));
                engine.AbortStep();
            }
            driver.Step(sink);
        }
        Assert.All(requests, r => Assert.Equal(Alone(local, r), sink.Ids(r.Id)));
    }

    [Fact]
    public void Stop_token_should_end_the_sequence_without_being_emitted()
    {
        using var local = new LocalModel(_kernels, TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options);
        var request = Requests.Of(1, Requests.Tokens(9, 75, 8), 40, _sampled);
        int[] whole = Alone(local, request);
        int stop = whole[11];
        int first = Array.IndexOf(whole, stop);

        var sink = new RecordingSink();
        var (engine, driver) = local.NewEngine();
        engine.Submit(request with { StopTokenIds = [-5, stop] });
        driver.RunToEnd(sink);

        Assert.Equal(whole[..first], sink.Ids(request.Id));
        Assert.Equal((FinishReason.Stop, 9, first, null), sink.Finished[request.Id]);
        Assert.Equal(24, engine.Load.FreeBlocks);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Nan_should_end_its_own_sequence_only(PackFormat format)
    {
        var model = TestModels.Random(TestModels.Odd, format);
        using var right = new LocalModel(_kernels, model, _options);
        using var faulty = new LocalModel(new NanKernels(_kernels, token: 74), model, _options);
        // Only the second prompt holds the token that makes a row go wrong.
        int[] clean = [.. Requests.Tokens(10, 74, 2)];
        var good = Requests.Of(1, clean, 3);
        var bad = Requests.Of(2, [.. clean[..9], 74], 3);
        var sink = new RecordingSink();
        var (engine, driver) = faulty.NewEngine();
        engine.Submit(bad);
        engine.Submit(good);
        driver.RunToEnd(sink);

        Assert.Empty(sink.Ids(bad.Id));
        Assert.Equal(FinishReason.Error, sink.Finished[bad.Id].Reason);
        Assert.Contains("logits of token 0", sink.Finished[bad.Id].Detail, StringComparison.Ordinal);
        Assert.Equal(Alone(right, good), sink.Ids(good.Id));
        Assert.Equal(24, engine.Load.FreeBlocks);
    }

    [Fact]
    public void Steady_decoding_should_allocate_nothing()
    {
        using var local = new LocalModel(_kernels, TestModels.Random(TestModels.Odd, PackFormat.W8A8), _options);
        var (engine, driver) = local.NewEngine();
        var sink = new CountingSink();
        // The cache is full of what others have left, so that blocks are published and evicted while it is measured.
        for (int i = 0; i < 4; i++)
            engine.Submit(Requests.Of(9 + i, Requests.Tokens(299, 75, 9 + i), 1));
        driver.RunToEnd(sink);
        for (int i = 0; i < 4; i++)
            engine.Submit(Requests.Of(i, Requests.Tokens(20, 75, i), 250, i % 2 == 0 ? Requests.Greedy : _sampled));
        for (int i = 0; i < 30; i++)
            driver.Step(sink);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 200; i++)
            driver.Step(sink);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.InRange(engine.Load.CachedBlocks, 1, 15);
        Assert.True(sink.Tokens >= 800);
    }

    /// <summary>Sequences of many sizes, greedy and sampled.</summary>
    private static SequenceRequest[] Mixture(int count) =>
        [.. Enumerable.Range(0, count).Select(i => Requests.Of(
            i, Requests.Tokens(3 + i * 23, 75, seed: i), 80 - i * 5, i % 2 == 0 ? Requests.Greedy : _sampled with { Seed = (ulong)i }))];

    private static int[] Alone(LocalModel local, SequenceRequest request)
    {
        var sink = new RecordingSink();
        var (engine, driver) = local.NewEngine();
        Assert.Equal(SubmitOutcome.Accepted, engine.Submit(request));
        driver.RunToEnd(sink);
        return sink.Ids(request.Id);
    }

    private sealed class CountingSink : ITokenSink
    {
        public int Tokens { get; private set; }

        public void OnToken(SequenceId id, in SampledToken token) => Tokens++;

        public void OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail)
        {
        }
    }
}
