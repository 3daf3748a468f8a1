using PanguCluster.Model.Decoding;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>
/// Grouped-query attention of one row over its sequence's blocks, with an online softmax rescaled once per block of 64 absolute positions:
/// prefill and decode of a token walk the same blocks and give the same bits.
/// </summary>
internal sealed class Attention
{
    private readonly KvCache _cache;
    private readonly int _headDim;
    private readonly int _queriesPerKv;
    private readonly float _scale;
    private readonly float[] _probabilities = new float[KvBlockPool.BlockPositions];
    private readonly float[] _blockOutput; // [D]

    public Attention(ModelShape shape, KvCache cache)
    {
        _cache = cache;
        _headDim = shape.HeadDim;
        _queriesPerKv = shape.Heads / shape.KvHeads;
        _scale = 1.0f / MathF.Sqrt(shape.HeadDim);
        _blockOutput = new float[shape.HeadDim];
    }

    /// <param name="layer">0-based layer.</param>
    /// <param name="queries">[Heads, D], rotated.</param>
    /// <param name="position">The row's absolute position; it sees positions 0..position.</param>
    /// <param name="table">The sequence's blocks, one per 64 positions.</param>
    /// <param name="output">[Heads, D].</param>
    public void Row(int layer, ReadOnlySpan<float> queries, int position, ReadOnlySpan<int> table, Span<float> output)
    {
        for (int at = 0, head = 0; at < queries.Length; at += _headDim, head++)
            Head(layer, head / _queriesPerKv, queries.Slice(at, _headDim), position, table, output.Slice(at, _headDim));
    }

    private void Head(int layer, int kvHead, ReadOnlySpan<float> query, int position, ReadOnlySpan<int> table, Span<float> acc)
    {
        float max = float.NegativeInfinity;
        float sum = 0f;
        acc.Clear();
        for (int start = 0; start <= position; start += KvBlockPool.BlockPositions)
        {
            int block = table[start / KvBlockPool.BlockPositions];
            var p = _probabilities.AsSpan(0, Math.Min(KvBlockPool.BlockPositions, position - start + 1));
            _cache.Score(layer, block, kvHead, query, _scale, p);
            float newMax = max;
            foreach (float score in p)
                if (score > newMax)
                    newMax = score;
            float rescale = Exponential.Of(max - newMax);
            for (int i = 0; i < p.Length; i++)
                p[i] = Exponential.Of(p[i] - newMax);
            sum = MathF.FusedMultiplyAdd(sum, rescale, Reduction.Sum(p));
            _cache.Weigh(layer, block, kvHead, p, _blockOutput);
            for (int d = 0; d < acc.Length; d++)
                acc[d] = MathF.FusedMultiplyAdd(acc[d], rescale, _blockOutput[d]);
            max = newMax;
        }
        for (int d = 0; d < acc.Length; d++)
            acc[d] /= sum;
    }
}
