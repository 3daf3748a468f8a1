using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Node.Bench;

/// <summary>
/// Prefill and decode through the real engine with every expert group in this process: the same calls a decoder makes, without actors.
/// Prompts are pseudo-random ids; sampling is greedy. Every situation is warmed by one run that does not count.
/// </summary>
public sealed class BenchRun(LocalModel local, TimeProvider time, CancellationToken stop) : ITokenSink
{
    /// <summary>Prompt of a decoding sequence, tokens.</summary>
    private const int DecodePrompt = 16;

    private const int WarmSteps = 2;

    private readonly KernelClock _clock = new(time);
    private readonly ExpertCount _experts = new(local.Model.Shape);
    private long _countingTicks;
    private ulong _next = 1;

    public static IReadOnlyList<int> PrefillLengths { get; } = [128, 512];
    public static IReadOnlyList<int> DecodeBatches { get; } = [1, 4, 8, 32];

    /// <summary>Most rows of a step: what the kernels must be opened with.</summary>
    public const int MaxRows = 512;

    /// <summary>Longest sequence a run of <paramref name="decodeSteps"/> makes.</summary>
    public static int MaxPositions(int decodeSteps) => Math.Max(MaxRows, DecodePrompt + decodeSteps + WarmSteps) + 2;

    /// <summary>One prompt of a length, in one step, its first token sampled.</summary>
    public BenchMeasurement Prefill(int length, int repeats)
    {
        var samples = new List<BenchSample>();
        for (int i = 0; i <= repeats; i++)
        {
            using var engine = Engine();
            var driver = Driver(engine);
            Submit(engine, length, maxTokens: 1);
            var sample = Measure(driver);
            if (i > 0)
                samples.Add(sample);
        }
        double attended = length * (length + 1) / 2.0;
        return Measurement("prefill", length, length, attended, logitRows: 1, samples);
    }

    /// <summary>Many sequences, one token each per step.</summary>
    public BenchMeasurement Decode(int batch, int steps)
    {
        using var engine = Engine();
        var driver = Driver(engine);
        for (int i = 0; i < batch; i++)
            Submit(engine, DecodePrompt, steps + WarmSteps + 1);
        // All prompts fit one step: 32 x 16 rows.
        Measure(driver);
        for (int i = 0; i < WarmSteps; i++)
            Measure(driver);
        var samples = new List<BenchSample>();
        for (int i = 0; i < steps; i++)
            samples.Add(Measure(driver));
        double context = DecodePrompt + WarmSteps + 1 + (steps - 1) / 2.0;
        return Measurement("decode", batch, batch * context, batch * context, batch, samples);
    }

    void ITokenSink.OnToken(SequenceId id, in SampledToken token)
    {
        // Timing needs no text.
    }

    void ITokenSink.OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail)
    {
        if (reason == FinishReason.Error)
            throw new InvalidOperationException($"the model failed while it was measured: {detail}");
    }

    private BenchSample Measure(LocalStepDriver driver)
    {
        stop.ThrowIfCancellationRequested();
        _clock.Reset();
        _experts.Reset();
        _countingTicks = 0;
        long start = time.GetTimestamp();
        if (!driver.Step(this))
            throw new InvalidOperationException("the engine had nothing to run");
        double wall = time.GetElapsedTime(start + _countingTicks).TotalSeconds;
        return new BenchSample(wall, _clock.Elapsed.TotalSeconds, _experts.Distinct);
    }

    private BenchMeasurement Measurement(string phase, int rows, double cached, double attended, int logitRows, List<BenchSample> samples)
    {
        var work = StepWork.Count(local.Model, rows, logitRows, cached, attended, samples.Average(s => s.Distinct));
        return new BenchMeasurement(phase, rows, attended / rows, work, samples);
    }

    private DecodeEngine Engine()
    {
        var shape = local.Model.Shape;
        int batch = DecodeBatches.Max();
        return new DecodeEngine(
            local.Model, new ClockedTrunk(local.Trunk, _clock), new DecoderOptions(MaxRows, batch, batch, local.KvBlocks, shape.MaxPositions));
    }

    private LocalStepDriver Driver(DecodeEngine engine) =>
        new(engine, [.. local.Groups.Select(g => new ClockedGroup(g, _clock))]) { OnDispatch = Count };

    private void Count(LayerDispatch dispatch)
    {
        long start = time.GetTimestamp();
        _experts.Add(dispatch);
        _countingTicks += time.GetTimestamp() - start;
    }

    private void Submit(DecodeEngine engine, int promptLength, int maxTokens)
    {
        var prompt = new int[promptLength];
        for (int i = 0; i < promptLength; i++)
        {
            // Knuth's MMIX generator: any spread of ids will do, and the same one every run.
            _next = _next * 6364136223846793005 + 1442695040888963407;
            prompt[i] = (int)((_next >> 33) % (ulong)local.Model.Shape.VocabSize);
        }
        var request = new SequenceRequest(
            new SequenceId(Guid.NewGuid()), prompt, [], 0, maxTokens, [], new SamplingParameters { Temperature = 0 });
        var outcome = engine.Submit(request);
        if (outcome != SubmitOutcome.Accepted)
            throw new InvalidOperationException($"the engine refused a measured sequence: {outcome}");
    }
}
