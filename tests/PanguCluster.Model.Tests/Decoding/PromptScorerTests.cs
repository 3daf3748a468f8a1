using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Decoding;

public sealed class PromptScorerTests
{
    private static readonly DecoderOptions _options = new(MaxRows: 16, KvBlocks: 4, MaxPositions: 200);

    [Fact]
    public void Score_should_be_the_log_likelihood_of_every_next_token()
    {
        using var local = new LocalModel(new ManagedKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options);
        int[] text = Requests.Tokens(75, 75, seed: 6);
        var nll = new double[74];
        local.NewScorer(100).Score(text, nll);

        var logits = local.LogitsOf(text);
        for (int i = 0; i < nll.Length; i++)
            Assert.Equal(-LogProbability.Of(logits[i], text[i + 1]), nll[i]);
    }

    [Fact]
    public void Score_should_agree_with_the_logprobs_of_an_engine()
    {
        using var local = new LocalModel(new ManagedKernels(), TestModels.Random(TestModels.Odd, PackFormat.W8A8), _options);
        int[] prompt = Requests.Tokens(20, 75, seed: 6);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        engine.Submit(Requests.Of(1, prompt, 30, new SamplingParameters { Seed = 3, Logprobs = 0 }));
        driver.RunToEnd(sink);

        var nll = new double[49];
        local.NewScorer(100).Score([.. prompt, .. sink.Ids(Requests.Id(1))], nll);
        Assert.Equal(nll[19..].Select(x => (float)-x), sink.Tokens[Requests.Id(1)].Select(t => t.Logprob));
    }

    [Fact]
    public void Visit_should_refuse_texts_it_cannot_hold_and_unknown_tokens()
    {
        using var local = new LocalModel(new ManagedKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options);
        var scorer = local.NewScorer(10);
        Assert.Throws<ArgumentException>(() => scorer.Visit([], (_, _) => { }));
        Assert.Throws<ArgumentException>(() => scorer.Visit(new int[11], (_, _) => { }));
        Assert.Contains("75", Assert.Throws<ArgumentException>(() => scorer.Visit([75], (_, _) => { })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => scorer.Score([1], new double[1]));
    }

    [Fact]
    public void Groups_should_be_refused_when_one_is_missing_or_out_of_place()
    {
        using var local = new LocalModel(new ManagedKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options);
        var (engine, _) = local.NewEngine();
        Assert.Throws<ArgumentException>(() => new LocalStepDriver(engine, local.Groups[1..]));
        Assert.Throws<ArgumentException>(() => new LocalStepDriver(engine, [.. local.Groups.Reverse()]));
    }
}
