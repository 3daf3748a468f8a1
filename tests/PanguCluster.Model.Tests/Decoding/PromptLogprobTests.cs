using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Decoding;

/// <summary>Log probabilities of the prompt: one definition, whatever the chunks, the cache and the preemptions.</summary>
public sealed class PromptLogprobTests
{
    private static readonly DecoderOptions _options = new(MaxRows: 100, MaxSequences: 4, MaxWaiting: 9, KvBlocks: 12, MaxPositions: 400);

    public static TheoryData<PackFormat, int> FormatsAndRows =>
        new([.. from format in Enum.GetValues<PackFormat>() from rows in (int[])[1, 7, 64, 100] select (format, rows)]);

    [Theory]
    [MemberData(nameof(FormatsAndRows))]
    public void Prompt_should_have_the_bits_of_the_scorer_whatever_the_chunks(PackFormat format, int rows)
    {
        using var local = new LocalModel(
            new ManagedKernels(), TestModels.Random(TestModels.Odd, format), _options with { MaxRows = rows, MaxSequences = Math.Min(rows, 4) });
        int[] prompt = Requests.Tokens(97, 75, 6);
        var sink = Run(local, Requests.Of(1, prompt, 3) with { PromptLogprobs = 2 });

        var nll = new double[96];
        local.NewScorer(100).Score(prompt, nll);
        var told = sink.Prompts[Requests.Id(1)];
        Assert.Equal(prompt, told.Select(t => t.TokenId));
        Assert.Equal(Enumerable.Range(0, 97), told.Select(t => t.Index));
        Assert.True(float.IsNaN(told[0].Logprob) && told[0].Top is null);
        Assert.Equal(nll.Select(x => (float)-x), told.Skip(1).Select(t => t.Logprob));
        var logits = local.LogitsOf(prompt);
        Assert.All(told.Skip(1), t =>
        {
            int[] best = [.. Enumerable.Range(0, 75).OrderByDescending(id => logits[t.Index - 1][id]).Take(2)];
            Assert.Equal(best, t.Top!.Select(top => top.TokenId));
            Assert.Equal(best.Select(id => (float)LogProbability.Of(logits[t.Index - 1], id)), t.Top!.Select(top => top.Logprob));
        });
        Assert.Equal(3, sink.Ids(Requests.Id(1)).Length);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(3, true)]
    public void Prompt_of_one_token_should_be_told_without_a_logprob(int alternatives, bool resumed)
    {
        using var local = new LocalModel(new ManagedKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options);
        var sink = Run(local, Requests.Of(1, [5], 3, generated: resumed ? [6] : []) with { PromptLogprobs = alternatives });
        Assert.Equal([new ScoredToken(0, 5, float.NaN, null)], sink.Prompts[Requests.Id(1)]);
    }

    [Fact]
    public void Prompt_should_be_computed_where_it_is_told_and_shared_with_others()
    {
        using var local = new LocalModel(new ManagedKernels(), TestModels.Random(TestModels.Odd, PackFormat.W8A8), _options);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        int[] prompt = Requests.Tokens(150, 75, 6);
        engine.Submit(Requests.Of(1, prompt, 2));
        driver.RunToEnd(sink);
        engine.Submit(Requests.Of(2, prompt, 2) with { PromptLogprobs = 0 });
        driver.RunToEnd(sink);
        Assert.Equal(0, engine.Load.PrefixHits);
        engine.Submit(Requests.Of(3, prompt, 2));
        driver.RunToEnd(sink);
        Assert.Equal(128, engine.Load.PrefixHits);
        Assert.Equal(150, sink.Prompts[Requests.Id(2)].Count);
        Assert.All(sink.Prompts[Requests.Id(2)], t => Assert.Null(t.Top));
        Assert.Equal([Requests.Id(2)], sink.Prompts.Keys);
    }

    [Fact]
    public void Prompt_should_be_told_once_when_the_sequence_is_preempted_and_steps_are_given_up()
    {
        using var local = new LocalModel(
            new HistoryKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options with { MaxRows = 20, KvBlocks = 6 }, verifyDigest: false);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        var requests = Enumerable.Range(0, 4)
            .Select(i => Requests.Of(i, Requests.Tokens(100 + 30 * i, 75, i), 100) with { PromptLogprobs = 1 }).ToArray();
        foreach (var request in requests)
            engine.Submit(request);
        for (int step = 0; engine.HasWork; step++)
        {
            if (step % 3 == 0 && engine.BeginStep() > 0)
                engine.AbortStep();
            driver.Step(sink);
        }
        Assert.True(engine.Load.Preemptions > 0, "the scenario must preempt to say something");
        foreach (var request in requests)
            Assert.Equivalent(Run(local, request).Prompts[request.Id], sink.Prompts[request.Id], strict: true);
    }

    [Fact]
    public void Nan_in_the_prompt_should_end_the_sequence_after_what_is_right_has_been_told()
    {
        using var local = new LocalModel(
            new NanKernels(new ManagedKernels(), token: 74), TestModels.Random(TestModels.Odd, PackFormat.W8A8), _options with { MaxRows = 8 });
        int[] prompt = Requests.Tokens(60, 74, 2);
        prompt[20] = 74;
        var sink = Run(local, Requests.Of(1, prompt, 5) with { PromptLogprobs = 0 });
        Assert.Equal(FinishReason.Error, sink.Finished[Requests.Id(1)].Reason);
        Assert.Contains("prompt token 17", sink.Finished[Requests.Id(1)].Detail, StringComparison.Ordinal); // of the chunk of 16 to 23
        Assert.Equal(17, sink.Prompts[Requests.Id(1)].Count);
    }

    [Fact]
    public void Cancelled_sequence_should_be_silent_when_the_sink_has_enough_of_the_prompt()
    {
        using var local = new LocalModel(new ManagedKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options);
        var (engine, driver) = local.NewEngine();
        var sink = new CancellingSink(engine);
        engine.Submit(Requests.Of(1, Requests.Tokens(100, 75, 2), 5) with { PromptLogprobs = 0 });
        driver.RunToEnd(sink);
        Assert.Equal((1, 0), (sink.Calls, sink.Others));
        Assert.Equal(_options.KvBlocks, engine.Load.FreeBlocks);
    }

    private static RecordingSink Run(LocalModel local, SequenceRequest request)
    {
        var sink = new RecordingSink();
        var (engine, driver) = local.NewEngine();
        Assert.Equal(SubmitOutcome.Accepted, engine.Submit(request));
        driver.RunToEnd(sink);
        return sink;
    }

    private sealed class CancellingSink(DecodeEngine engine) : ITokenSink
    {
        public int Calls { get; private set; }
        public int Others { get; private set; }

        public void OnPrompt(SequenceId id, ScoredToken[] tokens)
        {
            Calls++;
            Assert.True(engine.Cancel(id));
        }

        public void OnToken(SequenceId id, in SampledToken token) => Others++;

        public void OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail) => Others++;
    }
}
