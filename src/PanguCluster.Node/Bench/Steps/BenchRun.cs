using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Node.Bench;

/// <summary>
/// One model's situations, measured through the real engine with every expert group in this process: the same calls a decoder makes,
/// without actors. Prompts are <see cref="TokenIds"/>; sampling is greedy.
/// </summary>
public sealed class BenchRun : ITokenSink
{
    private readonly LocalModel _local;
    private readonly BenchPlan _plan;
    private readonly StepMeter _meter;
    private readonly LongContext? _context;
    private readonly TokenIds _tokens;
    private readonly CancellationToken _stop;

    /// <param name="local">Not owned; opened with the plan's rows, blocks and positions.</param>
    public BenchRun(LocalModel local, BenchPlan plan, TimeProvider time, CancellationToken stop)
    {
        _local = local;
        _plan = plan;
        _stop = stop;
        _meter = new StepMeter(local, time);
        _tokens = new TokenIds(local.Model.Shape.VocabSize);
        _context = plan.Context > 0 ? new LongContext(local, plan, _meter, stop) : null;
    }

    public LocalModel Local => _local;

    /// <summary>Touches the weights once, so that no measured step waits for the disk, and fills the long context.</summary>
    public void Warm()
    {
        // As many rows as make every expert be chosen, or nearly.
        Prefill(Math.Min(128, _plan.MaxPositions - 2));
        _context?.Fill();
    }

    /// <summary>One repeat of a situation; of a decode, every step is a sample.</summary>
    public IReadOnlyList<BenchSample> Run(Situation situation) => situation.Phase switch
    {
        Situation.Prefill => [Prefill(situation.Size)],
        Situation.Decode => Decode(situation.Size),
        _ => _context!.Run(_plan.DecodeSteps),
    };

    void ITokenSink.OnToken(SequenceId id, in SampledToken token)
    {
        // Timing needs no text.
    }

    void ITokenSink.OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail)
    {
        if (reason == FinishReason.Error)
            throw new InvalidOperationException($"the model failed while it was measured: {detail}");
    }

    /// <summary>One prompt, in as many steps as its chunks, its first token sampled.</summary>
    private BenchSample Prefill(int length)
    {
        var (engine, driver) = Open();
        Submit(engine, length, maxTokens: 1);
        var steps = new List<BenchStep>();
        while (engine.HasWork)
            steps.Add(Step(driver));
        return new BenchSample(steps);
    }

    /// <summary>Many sequences, one token each per step.</summary>
    private List<BenchSample> Decode(int batch)
    {
        var (engine, driver) = Open();
        for (int i = 0; i < batch; i++)
            Submit(engine, BenchPlan.DecodePrompt, _plan.DecodeLength - BenchPlan.DecodePrompt);
        var samples = new List<BenchSample>();
        int warm = BenchPlan.WarmSteps;
        while (samples.Count < _plan.DecodeSteps)
        {
            var step = Step(driver);
            // The prompts come first, in one step or several; one row and one token of every sequence is a decode.
            bool decodes = step.Rows.Rows == batch && step.Rows.LogitRows == batch;
            if (decodes && warm-- <= 0)
                samples.Add(new BenchSample([step]));
        }
        return samples;
    }

    private BenchStep Step(LocalStepDriver driver)
    {
        _stop.ThrowIfCancellationRequested();
        return _meter.Measure(() =>
        {
            if (!driver.Step(this))
                throw new InvalidOperationException("the engine had nothing to run");
        });
    }

    // The engine is not disposed: that would close the trunk, which belongs to the LocalModel and serves one engine after the other.
    // What is measured is computed: nothing comes from a cache.
    private (DecodeEngine Engine, LocalStepDriver Driver) Open()
    {
        int sequences = Math.Max(_plan.MaxBatch, 1);
        var engine = new DecodeEngine(
            _local.Model, _meter.Trunk,
            new DecoderOptions(_plan.Chunk, sequences, sequences, _plan.EngineBlocks, _plan.MaxPositions, PrefixCache: false));
        return (engine, new LocalStepDriver(engine, _meter.Groups) { OnDispatch = _meter.Count });
    }

    private void Submit(DecodeEngine engine, int promptLength, int maxTokens)
    {
        var request = new SequenceRequest(
            new SequenceId(Guid.NewGuid()), _tokens.Take(promptLength), [], 0, maxTokens, [], new SamplingParameters { Temperature = 0 });
        var outcome = engine.Submit(request);
        if (outcome != SubmitOutcome.Accepted)
            throw new InvalidOperationException($"the engine refused a measured sequence: {outcome}");
    }
}
