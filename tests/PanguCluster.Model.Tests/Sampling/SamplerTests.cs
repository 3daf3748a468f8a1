using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Model.Tests.Sampling;

public sealed class SamplerTests
{
    private const int Vocabulary = 97;

    /// <summary>One call: logits with many ties, tokens so far, parameters.</summary>
    public sealed record Call(float[] Logits, int[] Prompt, int[] Answer, int Choice, SamplingParameters Parameters);

    public static class Calls
    {
        public static Arbitrary<Call> Call()
        {
            var logit = Gen.OneOf(
                Gen.Choose(-20, 20).Select(i => i / 2f), Gen.Choose(-4000, 1000).Select(i => i / 100f), Gen.Constant(-0f), Gen.Constant(0f));
            var tokens = Gen.Choose(0, Vocabulary - 1).ArrayOf();
            var parameters =
                from temperature in Gen.Elements(0f, 0.3f, 0.7f, 1f, 2f, 1e-6f, 1e-38f, 1e30f)
                from topK in Gen.Elements(0, 1, 2, 10, 96, 97, 1000)
                from topP in Gen.Elements(0f, 0.1f, 0.5f, 0.9f, 0.999f, 1f)
                from minP in Gen.Elements(0f, 0f, 0.02f, 0.5f, 1f)
                from repetition in Gen.Elements(1f, 1.3f, 0.5f)
                from presence in Gen.Elements(0f, 0.5f, -1f)
                from frequency in Gen.Elements(0f, 0.25f, -0.5f)
                from seed in Gen.Choose(0, int.MaxValue)
                select new SamplingParameters
                {
                    Temperature = temperature, TopK = topK, TopP = topP, MinP = minP, RepetitionPenalty = repetition,
                    PresencePenalty = presence, FrequencyPenalty = frequency, Seed = (ulong)seed << 20,
                };
            return (from logits in logit.ArrayOf(Vocabulary)
                    from prompt in tokens
                    from answer in tokens
                    from choice in Gen.Choose(0, 3)
                    from p in parameters
                    select new Call(logits, prompt, answer, choice, p)).ToArbitrary();
        }
    }

    [Property(MaxTest = 3000, Arbitrary = [typeof(Calls)])]
    public void Sampler_should_draw_as_a_full_sort_does(Call call)
    {
        int expected = NaiveSampler.Sample(call.Logits, call.Prompt, call.Answer, call.Choice, call.Parameters);
        var actual = new Sampler(Vocabulary).Sample(
            call.Logits, [.. call.Prompt, .. call.Answer], call.Prompt.Length, call.Choice, call.Parameters);
        Assert.Equal(expected, actual.TokenId);
        Assert.Equal(call.Answer.Length, actual.Index);
        Assert.True(float.IsNaN(actual.Logprob));
        Assert.Null(actual.Top);
    }

    [Property(MaxTest = 300, Arbitrary = [typeof(Calls)])]
    public void Sampler_should_not_remember_an_earlier_call(Call first, Call second)
    {
        var used = new Sampler(Vocabulary);
        Draw(used, first);
        Assert.Equal(Draw(new Sampler(Vocabulary), second), Draw(used, second));

        static int Draw(Sampler sampler, Call c) =>
            sampler.Sample(c.Logits, [.. c.Prompt, .. c.Answer], c.Prompt.Length, c.Choice, c.Parameters).TokenId;
    }

    [Fact]
    public void Sampler_should_draw_in_proportion_to_the_probabilities()
    {
        float[] logits = [0f, MathF.Log(2), MathF.Log(3), MathF.Log(4)];
        int[] counts = new int[4];
        var sampler = new Sampler(4);
        const int draws = 40_000;
        for (int seed = 0; seed < draws; seed++)
            counts[sampler.Sample(logits, [0], 1, 0, new SamplingParameters { Seed = (ulong)seed }).TokenId]++;
        double chiSquare = Enumerable.Range(0, 4).Sum(i => Math.Pow(counts[i] - draws * (i + 1) / 10.0, 2) / (draws * (i + 1) / 10.0));
        Assert.True(chiSquare < 16.3, $"chi-square {chiSquare:F1} with 3 degrees of freedom (p = 0.001 at 16.3)");
    }

    [Fact]
    public void Sampler_should_draw_anew_for_another_index_choice_or_seed()
    {
        var sampler = new Sampler(1000);
        float[] flat = new float[1000];
        int Draw(int index, int choice, ulong seed) =>
            sampler.Sample(flat, new int[1 + index], 1, choice, new SamplingParameters { Seed = seed }).TokenId;
        int[] draws = [Draw(0, 0, 1), Draw(1, 0, 1), Draw(0, 1, 1), Draw(0, 0, 2), Draw(0, 0, 1ul << 40)];
        Assert.Equal(draws.Length, draws.Distinct().Count());
        Assert.Equal(draws[0], Draw(0, 0, 1));
    }

    [Property(MaxTest = 300, Arbitrary = [typeof(Calls)])]
    public void Logprobs_should_be_of_the_model_itself_when_asked_for(Call call)
    {
        var parameters = call.Parameters with { Logprobs = 5 };
        var token = new Sampler(Vocabulary).Sample(call.Logits, [.. call.Prompt, .. call.Answer], call.Prompt.Length, call.Choice, parameters);

        double max = call.Logits.Max();
        double logSum = max + Math.Log(call.Logits.Sum(l => Math.Exp(l - max)));
        Assert.Equal(call.Logits[token.TokenId] - logSum, token.Logprob, 1e-5);
        int[] best = [.. Enumerable.Range(0, Vocabulary).OrderByDescending(id => call.Logits[id]).ThenBy(id => id).Take(5)];
        Assert.Equal(best, token.Top!.Select(t => t.TokenId));
        Assert.All(token.Top!, t => Assert.Equal(call.Logits[t.TokenId] - logSum, t.Logprob, 1e-5));
    }

    [Fact]
    public void Logprobs_should_come_without_alternatives_when_none_are_asked_for()
    {
        var token = new Sampler(2).Sample([1f, 1f], [0], 1, 0, new SamplingParameters { Temperature = 0, Logprobs = 0 });
        Assert.Equal(-0.6931472f, token.Logprob, 1e-6f);
        Assert.Null(token.Top);
    }

    [Fact]
    public void Sampler_should_allocate_nothing_when_no_alternatives_are_asked_for()
    {
        var sampler = new Sampler(5000);
        float[] logits = [.. Enumerable.Range(0, 5000).Select(i => (float)(Philox.Draw53(4, i, 0) % 1000) / 50f)];
        int[] tokens = [1, 2, 3, 2, 1];
        SamplingParameters[] all =
        [
            new(), new() { Temperature = 0 }, new() { TopK = 50, TopP = 0.9f }, new() { TopP = 0.95f, Temperature = 0.6f },
            new() { MinP = 0.05f, RepetitionPenalty = 1.1f, FrequencyPenalty = 0.1f },
        ];
        foreach (var p in all)
            sampler.Sample(logits, tokens, 2, 0, p);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
            foreach (var p in all)
                sampler.Sample(logits, tokens, 2, i, p);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void IsFinite_should_find_the_one_bad_logit(float bad)
    {
        float[] logits = new float[200];
        Assert.True(Sampler.IsFinite(logits));
        logits[199] = bad;
        Assert.False(Sampler.IsFinite(logits));
    }
}
