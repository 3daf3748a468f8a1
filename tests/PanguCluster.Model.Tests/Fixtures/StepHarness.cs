using PanguCluster.Model.Decoding;

namespace PanguCluster.Model.Tests.Fixtures;

/// <summary>
/// Runs steps whose composition a test decides: any sequences, any chunks, any order. Blocks are dealt out in a scattered order, as a
/// cache that has been in use would.
/// </summary>
internal sealed class StepHarness(LocalModel local)
{
    private readonly StepBatch _batch = new(local.Options.MaxRows, local.Options.KvBlocks);
    private readonly LayerDispatch _dispatch = new(local.Packed.Manifest, local.Options.MaxRows);
    private readonly Queue<int> _blocks = new(Enumerable.Range(0, local.Options.KvBlocks)
        .OrderBy(b => Requests.Tokens(1, 1 << 30, b)[0]));

    /// <summary>Called with every layer's dispatch before it is combined, if set.</summary>
    public Action<LayerDispatch>? OnDispatch { get; set; }

    /// <summary>Tokens of one sequence, and how many are in the cache.</summary>
    public sealed class Track(int[] tokens)
    {
        public int[] Tokens { get; } = tokens;
        public int Cached { get; set; }
        public List<int> Blocks { get; } = [];
    }

    /// <summary>One step: the next so many tokens of every given sequence. Returns the logits of all rows, in order.</summary>
    public float[][] Step(params (Track Track, int Count)[] chunks)
    {
        Fill(chunks);
        var shape = local.Packed.Shape;
        var hidden = new float[_batch.Rows * shape.HiddenSize];
        var shared = new float[hidden.Length];
        local.Trunk.Embed(_batch, hidden);
        _dispatch.Rows = _batch.Rows;
        _dispatch.StepId++;
        for (int layer = 0; layer < shape.Layers; layer++)
        {
            _dispatch.Layer = layer;
            local.Trunk.Attend(layer, _batch, hidden);
            local.Trunk.Route(layer, hidden, _dispatch);
            foreach (var group in local.Groups)
                group.Forward(
                    layer, _batch.Rows, _dispatch.ActivationRows, _dispatch.ExpertsOf(group.Group), _dispatch.WeightsOf(group.Group),
                    _dispatch.OutputOf(group.Group));
            OnDispatch?.Invoke(_dispatch);
            local.Trunk.SharedExpert(layer, _dispatch, shared);
            local.Trunk.Combine(_dispatch, shared, hidden);
        }
        var logits = new float[_batch.Rows * shape.VocabSize];
        local.Trunk.Logits(_batch, hidden, logits);
        return [.. logits.Chunk(shape.VocabSize)];
    }

    private void Fill((Track Track, int Count)[] chunks)
    {
        int row = 0, entries = 0;
        foreach (var (track, count) in chunks)
        {
            while (track.Blocks.Count < KvBlockPool.BlocksFor(track.Cached + count))
                track.Blocks.Add(_blocks.Dequeue());
            track.Blocks.CopyTo(_batch.Blocks, entries);
            for (int i = 0; i < count; i++, row++)
            {
                _batch.Positions[row] = track.Cached;
                _batch.Tokens[row] = track.Tokens[track.Cached++];
                _batch.Tables[row] = entries;
                _batch.LogitRows[row] = row;
            }
            entries += track.Blocks.Count;
        }
        (_batch.Rows, _batch.LogitCount, _batch.BlockEntries) = (row, row, entries);
    }
}
