using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Model.Decoding;

/// <summary>
/// Continuous batching over one trunk: sequences in, tokens out, a step at a time. Single-threaded and free of actors: whoever owns it
/// drives <c>BeginStep, (BeginLayer, [routed experts elsewhere], ComputeShared, EndLayer) x L, EndStep</c>. The routed experts' work is
/// the caller's: fill the dispatch's outputs between BeginLayer and EndLayer. The steady state allocates nothing.
/// </summary>
/// <remarks>Calls out of this order throw <see cref="InvalidOperationException"/>: they are a bug of the driver.</remarks>
public sealed class DecodeEngine : IDisposable
{
    private const int NoStep = -1;

    /// <summary>Rows of logits the engine has room for even when it runs fewer sequences: a prompt's are made so many at once.</summary>
    private const int MinLogitRows = 64;

    private readonly ITrunk _trunk;
    private readonly DecoderOptions _options;
    private readonly SequenceRoster _roster;
    private readonly StepPlan _plan;
    private readonly StepBatch _batch;
    private readonly LayerDispatch _dispatch;
    private readonly Sampler _sampler;
    private readonly PromptScoring _scoring;
    private readonly float[] _hidden; // [MaxRows, H]
    private readonly float[] _shared; // [MaxRows, H]
    private readonly float[] _logits; // [max(MaxSequences, min(MaxRows, 64)), V]
    private int _layer = NoStep; // next layer of the step under way
    private bool _inLayer;
    private long _steps;
    private long _tokens;

    /// <param name="model">The packed model the trunk was opened from.</param>
    /// <param name="trunk">Opened with at least these rows, blocks and positions; the engine owns it from here on and disposes it.</param>
    /// <param name="options">Limits. The positions are capped by the model's own; no more sequences run than a step has rows.</param>
    public DecodeEngine(PackedModel model, ITrunk trunk, DecoderOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxSequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxWaiting, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.KvBlocks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxPositions, 2);
        var shape = model.Shape;
        Model = model;
        _trunk = trunk;
        _options = options with { MaxPositions = Math.Min(options.MaxPositions, shape.MaxPositions) };
        _roster = new SequenceRoster(_options);
        _plan = new StepPlan(_roster.MaxSequences);
        // Block tables may name a shared block each.
        int tableBlocks = Math.Min(options.KvBlocks, KvBlockPool.BlocksFor(_options.MaxPositions));
        _batch = new StepBatch(options.MaxRows, checked(_roster.MaxSequences * tableBlocks));
        _dispatch = new LayerDispatch(model.Manifest, options.MaxRows);
        _sampler = new Sampler(shape.VocabSize);
        _hidden = GC.AllocateArray<float>(checked(options.MaxRows * shape.HiddenSize), pinned: true);
        _shared = GC.AllocateArray<float>(checked(options.MaxRows * shape.HiddenSize), pinned: true);
        int logitRows = Math.Max(_roster.MaxSequences, Math.Min(options.MaxRows, MinLogitRows));
        _logits = GC.AllocateArray<float>(checked(logitRows * shape.VocabSize), pinned: true);
        _scoring = new PromptScoring(trunk, _batch, _sampler, _hidden, _logits, shape);
    }

    public PackedModel Model { get; }

    public DecoderLoad Load => new(
        _roster.Running, _roster.Waiting, _roster.FreeBlocks, _options.KvBlocks, _tokens, _steps, _roster.Preemptions,
        _roster.CachedBlocks, _roster.PrefixQueries, _roster.PrefixHits);

    /// <summary>Whether a sequence is running or waiting.</summary>
    public bool HasWork => _roster.Running + _roster.Waiting > 0;

    /// <summary>Between BeginStep and EndStep or AbortStep.</summary>
    public bool InStep => _layer != NoStep;

    public SubmitOutcome Submit(SequenceRequest request) => IsValid(request) ? _roster.Submit(request) : SubmitOutcome.Invalid;

    /// <summary>Ends a sequence without a further event and frees its blocks, at once or, inside a step, when the step ends. False if unknown.</summary>
    public bool Cancel(SequenceId id) => _roster.Cancel(id, InStep);

    /// <summary>Plans a step and embeds its rows. Returns the number of rows; 0: nothing can run.</summary>
    public int BeginStep()
    {
        Require(!InStep, "a step is under way");
        _roster.Plan(_plan);
        if (_plan.TotalRows == 0)
            return 0;
        _roster.Apply(_plan);
        FillBatch();
        _dispatch.StepId++;
        _dispatch.Rows = _batch.Rows;
        _trunk.Embed(_batch, _hidden);
        _layer = 0;
        return _batch.Rows;
    }

    /// <summary>Attention and routing of one layer. The dispatch is the engine's one buffer; it stays valid until EndLayer.</summary>
    public LayerDispatch BeginLayer(int layer)
    {
        Require(layer == _layer && layer < Model.Shape.Layers && !_inLayer, "this is not the next layer");
        _dispatch.Layer = layer;
        _trunk.Attend(layer, _batch, _hidden);
        _trunk.Route(layer, _hidden, _dispatch);
        _inLayer = true;
        return _dispatch;
    }

    /// <summary>The shared expert: independent of the routed ones, so it overlaps the wait for them.</summary>
    public void ComputeShared(int layer)
    {
        Require(_inLayer && layer == _layer, "the layer has not begun");
        _trunk.SharedExpert(layer, _dispatch, _shared);
    }

    /// <summary>Adds the groups' outputs and the shared expert's to the residual stream.</summary>
    public void EndLayer(int layer)
    {
        Require(_inLayer && layer == _layer, "the layer has not begun");
        _trunk.Combine(_dispatch, _shared, _hidden);
        _inLayer = false;
        _layer++;
    }

    /// <summary>Publishes what is full, logits, sampling, events; retires what is finished. The sink may submit and cancel; it must not throw.</summary>
    public void EndStep(ITokenSink sink)
    {
        Require(_layer == Model.Shape.Layers, "not every layer has ended");
        KeepRows();
        TellPrompts(sink);
        DrawTokens(sink);
        _steps++;
        LeaveStep();
    }

    /// <summary>
    /// Gives a begun step up (its experts cannot be reached): no token and no cached position of it counts, and the step may be begun
    /// again, under a new step id. Who was admitted or preempted by its plan stays so, which no output can show.
    /// </summary>
    public void AbortStep()
    {
        Require(InStep, "no step is under way");
        LeaveStep();
    }

    public void Dispose() => _trunk.Dispose();

    private void LeaveStep()
    {
        _layer = NoStep;
        _inLayer = false;
        _roster.Retire();
    }

    /// <summary>The step's rows are in the cache from now on, and what is full of them is there for others.</summary>
    private void KeepRows()
    {
        int row = 0;
        foreach (var rows in _plan.Entries)
        {
            var sequence = _roster[rows.Sequence];
            sequence.Cached += rows.Count;
            row += rows.Count;
            // What went wrong at one position reaches all later ones: such rows stay with the sequence that they end.
            if (Sampler.IsFinite(HiddenOf(row - 1)))
                _roster.Publish(sequence);
        }
    }

    private void TellPrompts(ITokenSink sink)
    {
        int row = 0;
        foreach (var rows in _plan.Entries)
        {
            var sequence = _roster[rows.Sequence];
            if (sequence.Scores && !_scoring.Tell(sequence, rows, row, sink))
                Fail(sequence, $"prompt token {Math.Max(1, sequence.Scored)}", sink);
            row += rows.Count;
        }
    }

    private void DrawTokens(ITokenSink sink)
    {
        AskForLastRows();
        if (_batch.LogitCount == 0)
            return;
        _trunk.Logits(_batch, _hidden, _logits);
        int logits = 0;
        foreach (var rows in _plan.Entries)
        {
            if (!rows.Last)
                continue;
            Advance(_roster[rows.Sequence], HiddenOf(_batch.LogitRows[logits]), LogitsOf(logits), sink);
            logits++;
        }
    }

    private void FillBatch()
    {
        int row = 0, blocks = 0;
        foreach (var rows in _plan.Entries)
        {
            var sequence = _roster[rows.Sequence];
            for (int i = 0; i < rows.Count; i++, row++)
            {
                _batch.Tokens[row] = sequence.Tokens[rows.Start + i];
                _batch.Positions[row] = rows.Start + i;
                _batch.Tables[row] = blocks;
            }
            sequence.Blocks.CopyTo(_batch.Blocks.AsSpan(blocks));
            blocks += sequence.BlockCount;
        }
        _batch.Rows = row;
        _batch.BlockEntries = blocks;
        AskForLastRows();
    }

    private void AskForLastRows()
    {
        int row = 0, logits = 0;
        foreach (var rows in _plan.Entries)
        {
            row += rows.Count;
            if (rows.Last)
                _batch.LogitRows[logits++] = row - 1;
        }
        _batch.LogitCount = logits;
    }

    /// <param name="sequence">Whose newest token was fed.</param>
    /// <param name="hidden">
    /// [H] its row of the residual stream. What overflowed anywhere before stays in it, while quantizing a row can turn a NaN into a zero.
    /// </param>
    /// <param name="logits">[V].</param>
    /// <param name="sink">Where events go.</param>
    private void Advance(Sequence sequence, ReadOnlySpan<float> hidden, ReadOnlySpan<float> logits, ITokenSink sink)
    {
        if (sequence.Cancelled || sequence.Finished)
            return;
        if (!Sampler.IsFinite(hidden) || !Sampler.IsFinite(logits))
        {
            Fail(sequence, $"token {sequence.GeneratedCount}", sink);
            return;
        }
        var token = _sampler.Sample(logits, sequence.Tokens, sequence.PromptLength, sequence.Choice, sequence.Sampling);
        if (sequence.IsStop(token.TokenId))
        {
            Finish(sequence, FinishReason.Stop, sink, null);
            return;
        }
        sequence.Append(token.TokenId);
        _tokens++;
        sink.OnToken(sequence.Id, token);
        if (sequence.Length == sequence.MaxLength && !sequence.Cancelled)
            Finish(sequence, FinishReason.Length, sink, null);
    }

    private static void Fail(Sequence sequence, string of, ITokenSink sink) => Finish(
        sequence, FinishReason.Error, sink, $"the logits of {of}, or what they are made of, hold a NaN or an infinite value");

    private static void Finish(Sequence sequence, FinishReason reason, ITokenSink sink, string? detail)
    {
        sequence.Finished = true;
        sink.OnFinished(sequence.Id, reason, sequence.PromptLength, sequence.GeneratedCount, detail);
    }

    private ReadOnlySpan<float> HiddenOf(int row) => _hidden.AsSpan(row * Model.Shape.HiddenSize, Model.Shape.HiddenSize);

    private ReadOnlySpan<float> LogitsOf(int row) => _logits.AsSpan(row * Model.Shape.VocabSize, Model.Shape.VocabSize);

    private bool IsValid(SequenceRequest request) =>
        request.Prompt.Length > 0 && request.Choice >= 0 && request.MaxTokens > request.Generated.Length
        && InVocabulary(request.Prompt) && InVocabulary(request.Generated);

    private bool InVocabulary(int[] tokens)
    {
        foreach (int token in tokens)
            if ((uint)token >= (uint)Model.Shape.VocabSize)
                return false;
        return true;
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
            throw new InvalidOperationException(otherwise);
    }
}
