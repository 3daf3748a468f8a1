using System.Runtime.InteropServices;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels.Managed.Matrices;
using PanguCluster.Model.Kernels.Managed.Operations;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed;

/// <summary>The trunk of the reference kernels; numbers in comments are steps of "A decoder layer, one row" in NUMERICS.md.</summary>
internal sealed class ManagedTrunk : ITrunk
{
    private readonly ModelShape _shape;
    private readonly int _maxRows;
    private readonly float[] _embedding; // [V, H]
    private readonly TrunkLayer[] _layers;
    private readonly float[] _finalNorm;
    private readonly PanelMatrix _head;
    private readonly RopeTable _rope;
    private readonly KvCache _cache;
    private readonly Attention _attention;
    private readonly Router _router;

    private readonly float[] _normed; // [H]
    private readonly ActivationRows _matrixInput; // into qkv and head
    private readonly ActivationRows _gateInput;
    private readonly ActivationRows _expertInput;
    private readonly ActivationRows _outputInput;
    private readonly SwiGlu _sharedExpert;
    private readonly float[] _qkv; // [maxRows, (Heads + 2 KvHeads) D]
    private readonly float[] _attended; // [Heads D]
    private readonly float[] _projected; // [maxRows, H]
    private readonly float[] _gate; // [maxRows, N]

    public ManagedTrunk(PackedModel model, TrunkOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.KvBlocks, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxPositions, model.Shape.MaxPositions);
        _shape = model.Shape;
        _maxRows = options.MaxRows;
        var layout = model.Trunk;
        using (var file = WeightFile.Open(model, Path.GetFileName(model.TrunkPath), layout.Length, options.VerifyDigest))
        {
            _embedding = file.ReadWidened(layout.Embedding, layout.EmbeddingType, checked(_shape.VocabSize * _shape.HiddenSize));
            _layers = Array.ConvertAll(layout.Layers, l => new TrunkLayer(file, l, _shape));
            _finalNorm = file.Read<float>(layout.FinalNorm, _shape.HiddenSize);
            _head = PanelMatrix.Read(file, layout.Head);
            _rope = RopeTable.Create(file.Read<double>(layout.RopeInverseFrequencies, _shape.HeadDim / 2), options.MaxPositions);
        }
        _cache = KvCache.Create(_shape, model.Manifest.KvCache, options.KvBlocks);
        _attention = new Attention(_shape, _cache);
        _router = new Router(_shape);

        var first = _layers[0];
        _normed = new float[_shape.HiddenSize];
        _matrixInput = first.Qkv.NewInput(_maxRows);
        _gateInput = first.Gate.NewInput(_maxRows);
        _expertInput = first.Shared.GateUp.NewInput(_maxRows);
        _outputInput = first.Output.NewInput(_maxRows);
        _sharedExpert = new SwiGlu(first.Shared, _maxRows);
        _qkv = new float[checked(_maxRows * first.Qkv.ResultWidth)];
        _attended = new float[_shape.QueryWidth];
        _projected = new float[checked(_maxRows * _shape.HiddenSize)];
        _gate = new float[checked(_maxRows * _shape.Experts)];
    }

    public void Embed(StepBatch batch, Span<float> hidden)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.Rows, _maxRows);
        for (int row = 0; row < batch.Rows; row++)
            RowOf(_embedding, batch.Tokens[row]).CopyTo(RowOf(hidden, row));
    }

    public void Attend(int layer, StepBatch batch, Span<float> hidden)
    {
        var weights = _layers[layer];
        NormInto(_matrixInput, hidden, weights.InputNorm, batch.Rows); // 1
        weights.Qkv.Multiply(_matrixInput, batch.Rows, _qkv);
        int width = weights.Qkv.ResultWidth;
        for (int row = 0; row < batch.Rows; row++)
            RotateAndStore(layer, batch, row, _qkv.AsSpan(row * width, width)); // 2, 3
        for (int row = 0; row < batch.Rows; row++) // 4
        {
            var queries = _qkv.AsSpan(row * width, _shape.QueryWidth);
            _attention.Row(layer, queries, batch.Positions[row], batch.Blocks.AsSpan(batch.Tables[row]), _attended);
            _outputInput.Load(row, _attended);
        }
        weights.Output.Multiply(_outputInput, batch.Rows, _projected); // 5
        Elementwise.Add(_projected, hidden[..(batch.Rows * _shape.HiddenSize)]);
    }

    public void Route(int layer, ReadOnlySpan<float> hidden, LayerDispatch dispatch)
    {
        var weights = _layers[layer];
        int rows = dispatch.Rows;
        for (int row = 0; row < rows; row++) // 6
        {
            RmsNorm.Apply(RowOf(hidden, row), weights.PostNorm, _shape.RmsNormEpsilon, _normed);
            _gateInput.Load(row, _normed);
            _expertInput.Load(row, _normed);
            _expertInput.Encode(row, dispatch.Activations.AsSpan(row * dispatch.RowBytes, dispatch.RowBytes));
        }
        weights.Gate.Multiply(_gateInput, rows, _gate);
        for (int row = 0; row < rows; row++)
        {
            var gate = _gate.AsSpan(row * _shape.Experts, _shape.Experts);
            Router.Softmax(gate);
            _router.Choose(gate, weights.RouterScale, row, rows, dispatch.Experts, dispatch.Weights);
        }
    }

    public void SharedExpert(int layer, LayerDispatch dispatch, Span<float> shared)
    {
        for (int row = 0; row < dispatch.Rows; row++)
            _expertInput.LoadEncoded(row, dispatch.Activations.AsSpan(row * dispatch.RowBytes, dispatch.RowBytes));
        _sharedExpert.Forward(_layers[layer].Shared, _expertInput, dispatch.Rows, shared); // 8
    }

    public void Combine(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden)
    {
        int count = dispatch.Rows * _shape.HiddenSize;
        for (int i = 0; i < count; i++) // 9
        {
            float t = GroupOutput(dispatch, 0, i);
            for (int g = 1; g < dispatch.Groups; g++)
                t += GroupOutput(dispatch, g, i);
            t += shared[i];
            hidden[i] += t;
        }
    }

    public void Logits(StepBatch batch, ReadOnlySpan<float> hidden, Span<float> logits)
    {
        for (int i = 0; i < batch.LogitCount; i++)
        {
            RmsNorm.Apply(RowOf(hidden, batch.LogitRows[i]), _finalNorm, _shape.RmsNormEpsilon, _normed);
            _matrixInput.Load(i, _normed);
        }
        _head.Multiply(_matrixInput, batch.LogitCount, logits);
    }

    public void Dispose()
    {
    }

    private static float GroupOutput(LayerDispatch dispatch, int group, int element)
    {
        var output = dispatch.OutputOf(group);
        return dispatch.OutputType == ElementType.F32
            ? MemoryMarshal.Cast<byte, float>(output)[element]
            : HalfWords.FromBf16(MemoryMarshal.Cast<byte, ushort>(output)[element]);
    }

    private void NormInto(ActivationRows rows, ReadOnlySpan<float> hidden, ReadOnlySpan<float> norm, int count)
    {
        for (int row = 0; row < count; row++)
        {
            RmsNorm.Apply(RowOf(hidden, row), norm, _shape.RmsNormEpsilon, _normed);
            rows.Load(row, _normed);
        }
    }

    private void RotateAndStore(int layer, StepBatch batch, int row, Span<float> qkv)
    {
        int position = batch.Positions[row];
        var keys = qkv.Slice(_shape.QueryWidth, _shape.KvWidth);
        var values = qkv[(_shape.QueryWidth + _shape.KvWidth)..];
        Rotary.Apply(qkv[..(_shape.QueryWidth + _shape.KvWidth)], _rope, position);
        int block = batch.Blocks[batch.Tables[row] + position / KvBlockPool.BlockPositions];
        _cache.Store(layer, block, position % KvBlockPool.BlockPositions, keys, values);
    }

    private Span<float> RowOf(Span<float> rows, int row) => rows.Slice(row * _shape.HiddenSize, _shape.HiddenSize);

    private ReadOnlySpan<float> RowOf(ReadOnlySpan<float> rows, int row) => rows.Slice(row * _shape.HiddenSize, _shape.HiddenSize);
}
