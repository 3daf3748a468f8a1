using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Bench;

/// <summary>
/// Decode of one sequence over a long cache, in blocks of its own behind the engine's, by the calls a step makes (without sampling).
/// Every repeat is a step at the end of the context and one at its first position: what the attention calls take more is the time to
/// read the keys and values.
/// </summary>
internal sealed class LongContext
{
    private readonly LocalModel _local;
    private readonly BenchPlan _plan;
    private readonly StepMeter _meter;
    private readonly CancellationToken _stop;
    private readonly TokenIds _tokens;
    private readonly StepBatch _batch;
    private readonly LayerDispatch _dispatch;
    private readonly float[] _hidden; // [chunk, H]
    private readonly float[] _shared; // [chunk, H]
    private readonly float[] _logits; // [V]

    public LongContext(LocalModel local, BenchPlan plan, StepMeter meter, CancellationToken stop)
    {
        var shape = local.Model.Shape;
        _local = local;
        _plan = plan;
        _meter = meter;
        _stop = stop;
        _tokens = new TokenIds(shape.VocabSize);
        _batch = new StepBatch(plan.Chunk, Math.Max(plan.ContextBlocks, plan.Chunk));
        _dispatch = new LayerDispatch(local.Model.Manifest, plan.Chunk);
        _hidden = GC.AllocateArray<float>(plan.Chunk * shape.HiddenSize, pinned: true);
        _shared = GC.AllocateArray<float>(plan.Chunk * shape.HiddenSize, pinned: true);
        _logits = GC.AllocateArray<float>(shape.VocabSize, pinned: true);
    }

    /// <summary>
    /// Writes every position of every layer's blocks, each block as if it were a sequence of 64 tokens: to attend over all earlier blocks
    /// would take minutes and change nothing that a later step's time depends on.
    /// </summary>
    public void Fill()
    {
        const int Block = KvBlockPool.BlockPositions;
        int positions = _plan.ContextBlocks * Block;
        for (int from = 0; from < positions; from += _plan.Chunk)
        {
            _stop.ThrowIfCancellationRequested();
            int rows = Math.Min(_plan.Chunk, positions - from);
            for (int row = 0; row < rows; row++)
            {
                int at = from + row;
                _batch.Tokens[row] = _tokens.Next();
                _batch.Positions[row] = at % Block;
                _batch.Tables[row] = at / Block - from / Block;
                _batch.Blocks[at / Block - from / Block] = _plan.EngineBlocks + at / Block;
            }
            _batch.Rows = rows;
            _batch.BlockEntries = (from + rows - 1) / Block - from / Block + 1;
            _batch.LogitCount = 0;
            _local.Trunk.Embed(_batch, _hidden);
            for (int layer = 0; layer < _local.Model.Shape.Layers; layer++)
                _local.Trunk.Attend(layer, _batch, _hidden);
        }
    }

    public IReadOnlyList<BenchSample> Run(int steps)
    {
        var samples = new List<BenchSample>();
        for (int i = 0; i < steps; i++)
        {
            var first = Measure(0);
            var last = Measure(_plan.Context - 1);
            double kv = last.Stages[(int)Stage.Attend] - first.Stages[(int)Stage.Attend];
            samples.Add(new BenchSample([last], kv));
        }
        return samples;
    }

    /// <summary>
    /// Bytes of keys and values that the step at the end reads and the one at the first position does not.
    /// </summary>
    public static double KvBytes(PackedModel model, int context) =>
        (context - 1.0) * model.Manifest.KvTokenBytes;

    private BenchStep Measure(int position)
    {
        _stop.ThrowIfCancellationRequested();
        _batch.Tokens[0] = _tokens.Next();
        _batch.Positions[0] = position;
        _batch.Tables[0] = 0;
        _batch.LogitRows[0] = 0;
        for (int i = 0; i < _plan.ContextBlocks; i++)
            _batch.Blocks[i] = _plan.EngineBlocks + i;
        _batch.Rows = 1;
        _batch.BlockEntries = _plan.ContextBlocks;
        _batch.LogitCount = 1;
        return _meter.Measure(Step);
    }

    private void Step()
    {
        var trunk = _meter.Trunk;
        _dispatch.Rows = 1;
        trunk.Embed(_batch, _hidden);
        for (int layer = 0; layer < _local.Model.Shape.Layers; layer++)
        {
            _dispatch.Layer = layer;
            trunk.Attend(layer, _batch, _hidden);
            trunk.Route(layer, _hidden, _dispatch);
            ForwardGroups(layer);
            _meter.Count(_dispatch);
            trunk.SharedExpert(layer, _dispatch, _shared);
            trunk.Combine(_dispatch, _shared, _hidden);
        }
        trunk.Logits(_batch, _hidden, _logits);
    }

    private void ForwardGroups(int layer)
    {
        for (int g = 0; g < _meter.Groups.Count; g++)
            _meter.Groups[g].Forward(
                layer, 1, _dispatch.ActivationRows, _dispatch.ExpertsOf(g), _dispatch.WeightsOf(g), _dispatch.OutputOf(g));
    }
}
