using FsCheck.Xunit;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Model.Tests.Decoding;

/// <summary>Shared prefixes: the same tokens, fewer rows, and every block accounted for.</summary>
public sealed class PrefixCacheTests
{
    private static readonly DecoderOptions _options = new(MaxRows: 48, MaxSequences: 6, MaxWaiting: 40, KvBlocks: 14, MaxPositions: 512);
    private static readonly SamplingParameters _sampled = new() { Temperature = 0.9f, Seed = 5, Logprobs = 2 };

    public static TheoryData<PackFormat> Formats => [PackFormat.Bf16, PackFormat.W8A8, PackFormat.W4A8];

    /// <summary>
    /// Prompts from a tree of few prefixes arrive, are cancelled, preempted and aborted at random. Each answer that ends is that of the same
    /// request alone without a cache.
    /// </summary>
    [Property(MaxTest = 50)]
    public void Tokens_should_be_the_same_when_prefixes_are_shared_under_any_schedule(ulong seed)
    {
        var model = TestModels.Random(TestModels.Odd, PackFormat.Bf16);
        var options = _options with { MaxRows = Pick(seed, 1, 6, 100, 6), KvBlocks = Pick(seed, 2, 8, 20, 0) };
        using var local = new LocalModel(new HistoryKernels(), model, options, verifyDigest: false);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        var requests = new List<SequenceRequest>();
        var cancelled = new HashSet<SequenceId>();
        for (int i = 0; requests.Count < 25 || engine.HasWork; i++)
        {
            Assert.True(i < 50_000, "the sequences do not come to an end");
            if (requests.Count < 25 && Pick(seed, i, 0, 6, 11) == 0)
            {
                requests.Add(Branching(seed, requests.Count, options.KvBlocks * 64));
                Assert.Equal(SubmitOutcome.Accepted, engine.Submit(requests[^1]));
            }
            if (requests.Count > 0 && Pick(seed, i, 0, 60, 12) == 0)
                Cancel(engine, sink, cancelled, requests[Pick(seed, i, 0, requests.Count - 1, 13)].Id);
            if (Pick(seed, i, 0, 10, 14) == 0 && engine.BeginStep() > 0)
            {
                engine.BeginLayer(0);
                if (requests.Count > 0 && Pick(seed, i, 0, 3, 15) == 0)
                    Cancel(engine, sink, cancelled, requests[Pick(seed, i, 0, requests.Count - 1, 16)].Id);
                engine.AbortStep();
            }
            driver.Step(sink);
        }
        Assert.Equal(options.KvBlocks, engine.Load.FreeBlocks);
        Assert.InRange(engine.Load.PrefixHits, 0, engine.Load.PrefixQueries);
        using var plain = new LocalModel(new HistoryKernels(), model, options with { PrefixCache = false }, verifyDigest: false);
        foreach (var request in requests.Where(r => !cancelled.Contains(r.Id)))
            Assert.Equal(Alone(plain, request), sink.Ids(request.Id));
    }

    /// <summary>The checker above has to see a block that does not hold what it is shared for.</summary>
    [Fact]
    public void History_should_change_the_answer_when_one_cached_position_is_not_what_it_should_be()
    {
        using var local = new LocalModel(new HistoryKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options, verifyDigest: false);
        int[] prompt = Requests.Tokens(150, 75, 1);
        int[] changed = [.. prompt];
        changed[40] = (changed[40] + 1) % 75;
        Assert.NotEqual(Alone(local, Requests.Of(1, prompt, 20)), Alone(local, Requests.Of(1, changed, 20)));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Tokens_and_logprobs_should_have_the_same_bits_when_the_prefix_comes_from_the_cache(PackFormat format)
    {
        var model = TestModels.Random(TestModels.Odd, format);
        using var local = new LocalModel(new ManagedKernels(), model, _options with { MaxRows = 33 });
        using var plain = new LocalModel(new ManagedKernels(), model, _options with { PrefixCache = false, MaxRows = 7 });
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        int[] text = Requests.Tokens(90, 75, 3);
        for (int turn = 1; turn <= 4; turn++)
        {
            // What was said and answered so far, and something new: a conversation.
            var request = Requests.Of(turn, text, 40, _sampled with { Seed = (ulong)turn });
            long hits = engine.Load.PrefixHits;
            engine.Submit(request);
            driver.RunToEnd(sink);
            Assert.Equal(turn == 1 ? 0 : (text.Length - 17) / 64 * 64, engine.Load.PrefixHits - hits);
            var (other, otherDriver) = plain.NewEngine();
            var expected = new RecordingSink();
            other.Submit(request);
            otherDriver.RunToEnd(expected);
            Assert.Equal(0, other.Load.PrefixQueries + other.Load.CachedBlocks);
            Assert.Equivalent(expected.Tokens[request.Id], sink.Tokens[request.Id], strict: true);
            text = [.. text, .. sink.Ids(request.Id), .. Requests.Tokens(16, 75, turn)];
        }
    }

    [Theory]
    [InlineData(48)]
    [InlineData(300)] // there is room for the second choice beside the first
    [InlineData(900)] // for all of them
    public void Choices_should_share_one_prefill_when_they_come_together(int maxRows)
    {
        var kernels = new HistoryKernels();
        var model = TestModels.Random(TestModels.Odd, PackFormat.Bf16);
        using var local = new LocalModel(kernels, model, _options with { MaxRows = maxRows }, verifyDigest: false);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        int[] prompt = Requests.Tokens(200, 75, 9);
        var choices = Enumerable.Range(0, 4).Select(c => Requests.Of(c, prompt, 30, _sampled) with { Choice = c }).ToArray();
        foreach (var choice in choices)
            engine.Submit(choice);
        driver.RunToEnd(sink);

        // 3 whole blocks once, the 8 tokens behind them and 29 of the answer for every choice.
        Assert.Equal(192 + 4 * (8 + 29), kernels.Rows);
        Assert.Equal(3 * 192, engine.Load.PrefixHits);
        using var plain = new LocalModel(new HistoryKernels(), model, _options with { PrefixCache = false }, verifyDigest: false);
        Assert.All(choices, c => Assert.Equal(Alone(plain, c), sink.Ids(c.Id)));
        Assert.Equal(4, choices.Select(c => string.Join(',', sink.Ids(c.Id))).Distinct().Count());
    }

    [Fact]
    public void Follower_should_go_on_alone_when_the_one_it_follows_is_cancelled()
    {
        using var local = new LocalModel(new HistoryKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options, verifyDigest: false);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        int[] prompt = Requests.Tokens(300, 75, 9);
        engine.Submit(Requests.Of(1, prompt, 5));
        engine.Submit(Requests.Of(2, prompt, 5));
        driver.Step(sink);
        driver.Step(sink);
        Assert.Equal((1, 1), (engine.Load.Running, engine.Load.Waiting));
        engine.Cancel(Requests.Id(1));
        driver.RunToEnd(sink);
        Assert.Equal(5, sink.Ids(Requests.Id(2)).Length);
        Assert.Equal(64, engine.Load.PrefixHits); // of the 96 rows that were done
    }

    [Fact]
    public void Cancelled_and_preempted_sequences_should_leave_cached_blocks_that_are_free()
    {
        using var local = new LocalModel(
            new HistoryKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options with { MaxRows = 300, KvBlocks = 6 }, verifyDigest: false);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        engine.Submit(Requests.Of(1, Requests.Tokens(140, 75, 1), 100));
        engine.Submit(Requests.Of(2, Requests.Tokens(120, 75, 2), 60));
        driver.Step(sink);
        Assert.Equal((1, 0), (engine.Load.FreeBlocks, engine.Load.CachedBlocks));
        while (engine.Load.PrefixHits == 0)
            Assert.True(driver.Step(sink), "the preempted sequence never comes back to its blocks");
        Assert.Equal((1, 128), (engine.Load.Preemptions, engine.Load.PrefixHits));
        Assert.True(engine.Cancel(Requests.Id(2)));
        Assert.Equal((0, 6), (engine.Load.Running, engine.Load.FreeBlocks));
        Assert.InRange(engine.Load.CachedBlocks, 1, 6);
    }

    [Fact]
    public void Blocks_promised_to_one_should_not_be_evicted_for_another_who_starts_with_it()
    {
        using var local = new LocalModel(
            new HistoryKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options with { MaxRows = 400, KvBlocks = 8 }, verifyDigest: false);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        int[] first = Requests.Tokens(140, 75, 1);
        engine.Submit(Requests.Of(1, first, 1));
        driver.RunToEnd(sink);
        engine.Submit(Requests.Of(2, Requests.Tokens(200, 75, 2), 1));
        driver.RunToEnd(sink);
        Assert.Equal(5, engine.Load.CachedBlocks); // 2 older ones of the first, 3 of the second; 3 are empty
        engine.Submit(Requests.Of(3, Requests.Tokens(250, 75, 3), 1)); // takes 4
        engine.Submit(Requests.Of(4, first, 1));
        driver.Step(sink);
        Assert.Equal(4, sink.Finished.Count);
        Assert.Equal(128, engine.Load.PrefixHits);
        Assert.Equal(sink.Ids(Requests.Id(1)), sink.Ids(Requests.Id(4)));
    }

    [Fact]
    public void Preempting_a_choice_should_free_only_the_blocks_it_has_for_itself()
    {
        // 2 blocks of all choices and one of each: three choices come to need a block in one step, and none is left.
        using var local = new LocalModel(
            new HistoryKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options with { MaxRows = 200, KvBlocks = 7 }, verifyDigest: false);
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        for (int i = 0; i < 5; i++)
            engine.Submit(Requests.Of(i, Requests.Tokens(140, 75, 1), 100, _sampled) with { Choice = i });
        driver.RunToEnd(sink);
        Assert.InRange(engine.Load.Preemptions, 2, 8);
        Assert.Equal(5, sink.Finished.Count);
        Assert.Equal(7, engine.Load.FreeBlocks);
    }

    [Fact]
    public void Nothing_of_an_aborted_step_should_be_shared()
    {
        using var local = new LocalModel(new HistoryKernels(), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options, verifyDigest: false);
        var (engine, driver) = local.NewEngine();
        int[] prompt = Requests.Tokens(48, 75, 1);
        engine.Submit(Requests.Of(1, [.. prompt, .. prompt], 5));
        driver.Step(new RecordingSink());
        engine.BeginStep();
        engine.BeginLayer(0);
        engine.AbortStep();
        engine.Cancel(Requests.Id(1));
        Assert.Equal(0, engine.Load.CachedBlocks);
        Assert.Equal(_options.KvBlocks, engine.Load.FreeBlocks);
    }

    [Fact]
    public void Rows_with_a_nan_should_not_be_shared()
    {
        using var local = new LocalModel(
            new NanKernels(new ManagedKernels(), token: 74), TestModels.Random(TestModels.Odd, PackFormat.Bf16), _options with { MaxRows = 16 });
        var (engine, driver) = local.NewEngine();
        var sink = new RecordingSink();
        int[] clean = Requests.Tokens(64, 74, 2);
        engine.Submit(Requests.Of(1, [.. clean, .. clean[..30], 74, .. clean], 5));
        driver.RunToEnd(sink);
        Assert.Equal(FinishReason.Error, sink.Finished[Requests.Id(1)].Reason);
        Assert.Equal(1, engine.Load.CachedBlocks); // the one before it
    }

    private static void Cancel(DecodeEngine engine, RecordingSink sink, HashSet<SequenceId> cancelled, SequenceId id)
    {
        if (engine.Cancel(id) && !sink.Finished.ContainsKey(id))
            cancelled.Add(id);
    }

    /// <summary>A prompt along a random path of a tree with two branches every 50 tokens.</summary>
    private static SequenceRequest Branching(ulong seed, int number, int positions)
    {
        int length = Pick(seed, number, 1, Math.Min(positions, 500) - 5, 17);
        var prompt = new List<int>();
        for (int i = 0, branch = 0; prompt.Count < length; i++)
        {
            branch = branch * 2 + Pick(seed, number, 0, 3, 20 + i) / 3;
            prompt.AddRange(Requests.Tokens(50, 75, branch + 1000 * i));
        }
        int answer = Pick(seed, number, 1, Math.Min(150, Math.Min(positions + 1, 512) - length), 18);
        return Requests.Of(number, [.. prompt.Take(length)], answer, number % 2 == 0 ? Requests.Greedy : _sampled with { Logprobs = -1 });
    }

    private static int Pick(ulong seed, int index, int least, int most, int what) =>
        least + (int)(Philox.Draw53(seed, index, what) % (ulong)(most - least + 1));

    private static int[] Alone(LocalModel local, SequenceRequest request)
    {
        var sink = new RecordingSink();
        var (engine, driver) = local.NewEngine();
        engine.Submit(request);
        driver.RunToEnd(sink);
        return sink.Ids(request.Id);
    }
}
