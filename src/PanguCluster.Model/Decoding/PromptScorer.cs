using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Model.Decoding;

/// <summary>Receives the logits [V] after the token at <paramref name="position"/>; the span is valid during the call only.</summary>
public delegate void LogitsVisitor(int position, ReadOnlySpan<float> logits);

/// <summary>
/// Logits after every token of a given text (teacher forcing), in chunks: for perplexity and for comparison with reference outputs. The
/// bits are those a decoder makes for the same tokens.
/// </summary>
public sealed class PromptScorer
{
    private readonly PackedModel _model;
    private readonly ITrunk _trunk;
    private readonly IReadOnlyList<IExpertGroup> _groups;
    private readonly StepBatch _batch;
    private readonly LayerDispatch _dispatch;
    private readonly float[] _hidden; // [maxRows, H]
    private readonly float[] _shared; // [maxRows, H]
    private readonly float[] _logits; // [maxRows, V]

    /// <param name="model">The packed model.</param>
    /// <param name="trunk">
    /// Opened with at least <paramref name="maxRows"/> rows and blocks and positions for <paramref name="maxTokens"/>; not owned, and used by
    /// nobody else while a text is scored, as the scorer takes its cache from block 0 on.
    /// </param>
    /// <param name="groups">One handle per group, in group order; not owned.</param>
    /// <param name="maxRows">Tokens per chunk.</param>
    /// <param name="maxTokens">Longest text.</param>
    public PromptScorer(PackedModel model, ITrunk trunk, IReadOnlyList<IExpertGroup> groups, int maxRows, int maxTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxTokens, model.Shape.MaxPositions);
        LocalStepDriver.RequireAllGroups(model.Shape.Groups, groups);
        _model = model;
        _trunk = trunk;
        _groups = groups;
        MaxTokens = maxTokens;
        _batch = new StepBatch(maxRows, KvBlockPool.BlocksFor(maxTokens));
        _dispatch = new LayerDispatch(model.Manifest, maxRows);
        _hidden = GC.AllocateArray<float>(checked(maxRows * model.Shape.HiddenSize), pinned: true);
        _shared = GC.AllocateArray<float>(checked(maxRows * model.Shape.HiddenSize), pinned: true);
        _logits = GC.AllocateArray<float>(checked(maxRows * model.Shape.VocabSize), pinned: true);
        for (int i = 0; i < _batch.Blocks.Length; i++)
            _batch.Blocks[i] = i;
    }

    public int MaxTokens { get; }

    /// <summary>Called with every layer's dispatch after the groups have filled it and before it is combined, if set.</summary>
    public Action<LayerDispatch>? OnDispatch { get; set; }

    /// <summary>Visits the logits after every token, in ascending position.</summary>
    /// <exception cref="ArgumentException">No token, too many, or one outside the vocabulary.</exception>
    public void Visit(ReadOnlySpan<int> tokens, LogitsVisitor visitor)
    {
        if (tokens.Length == 0 || tokens.Length > MaxTokens)
            throw new ArgumentException($"{tokens.Length} tokens; this scorer takes 1 to {MaxTokens}", nameof(tokens));
        foreach (int token in tokens)
            if ((uint)token >= (uint)_model.Shape.VocabSize)
                throw new ArgumentException($"token id {token} is outside 0..{_model.Shape.VocabSize - 1}", nameof(tokens));
        for (int start = 0; start < tokens.Length; start += _batch.MaxRows)
        {
            int rows = Math.Min(_batch.MaxRows, tokens.Length - start);
            RunChunk(tokens.Slice(start, rows), start);
            for (int i = 0; i < rows; i++)
                visitor(start + i, _logits.AsSpan(i * _model.Shape.VocabSize, _model.Shape.VocabSize));
        }
    }

    /// <summary>
    /// Negative log-likelihood in nats of every token but the first, given all before it: <paramref name="nll"/>[i] is that of tokens[i + 1].
    /// </summary>
    /// <param name="tokens">At least two; all but the last are fed.</param>
    /// <param name="nll">[tokens - 1].</param>
    public void Score(ReadOnlySpan<int> tokens, Span<double> nll)
    {
        if (tokens.Length < 2 || nll.Length < tokens.Length - 1)
            throw new ArgumentException($"{tokens.Length} tokens and room for {nll.Length} results; 2 tokens give 1 result", nameof(tokens));
        int[] targets = tokens[1..].ToArray();
        double[] results = new double[targets.Length];
        Visit(tokens[..^1], (position, logits) => results[position] = -LogProbability.Of(logits, targets[position]));
        results.CopyTo(nll);
    }

    private void RunChunk(ReadOnlySpan<int> tokens, int start)
    {
        _batch.Rows = tokens.Length;
        _batch.LogitCount = tokens.Length;
        _batch.BlockEntries = KvBlockPool.BlocksFor(start + tokens.Length);
        for (int i = 0; i < tokens.Length; i++)
        {
            _batch.Tokens[i] = tokens[i];
            _batch.Positions[i] = start + i;
            _batch.Tables[i] = 0;
            _batch.LogitRows[i] = i;
        }
        _dispatch.StepId++;
        _dispatch.Rows = tokens.Length;
        _trunk.Embed(_batch, _hidden);
        for (int layer = 0; layer < _model.Shape.Layers; layer++)
        {
            _dispatch.Layer = layer;
            _trunk.Attend(layer, _batch, _hidden);
            _trunk.Route(layer, _hidden, _dispatch);
            LocalStepDriver.ForwardAll(_groups, _dispatch);
            OnDispatch?.Invoke(_dispatch);
            _trunk.SharedExpert(layer, _dispatch, _shared);
            _trunk.Combine(_dispatch, _shared, _hidden);
        }
        _trunk.Logits(_batch, _hidden, _logits);
    }
}
