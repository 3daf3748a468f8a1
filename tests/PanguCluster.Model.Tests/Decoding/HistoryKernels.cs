using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tests.Decoding;

/// <summary>
/// Kernels without arithmetic that make every token depend on every position of the cache: what a position holds is its token, and the
/// logits after a row are a hash of all the row's history, read through the block table. Fast, and a stale, foreign or overwritten position
/// changes the answer. Throws when a step writes to a block that another sequence's table names.
/// </summary>
internal sealed class HistoryKernels : IKernels
{
    public string Name => "history";

    /// <summary>Rows fed since it was made.</summary>
    public long Rows { get; private set; }

    public ITrunk OpenTrunk(PackedModel model, TrunkOptions options) => new Trunk(this, model, options);

    public IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options) => new Group(group);

    private sealed class Trunk(HistoryKernels owner, PackedModel model, TrunkOptions options) : ITrunk
    {
        private readonly int[] _cache = new int[options.KvBlocks * KvBlockPool.BlockPositions];

        public void Embed(StepBatch batch, Span<float> hidden) => hidden.Clear();

        public void Attend(int layer, StepBatch batch, Span<float> hidden)
        {
            if (layer > 0)
                return;
            owner.Rows += batch.Rows;
            CheckWriters(batch);
            for (int row = 0; row < batch.Rows; row++)
                _cache[Slot(batch, row, batch.Positions[row])] = batch.Tokens[row];
            for (int row = 0; row < batch.Rows; row++)
            {
                uint hash = 1;
                for (int p = 0; p <= batch.Positions[row]; p++)
                    hash = (hash ^ (uint)_cache[Slot(batch, row, p)]) * 16777619 + (uint)p;
                // 24 bits are exact in a float.
                hidden[row * model.Shape.HiddenSize] = hash >> 8;
            }
        }

        public void Route(int layer, ReadOnlySpan<float> hidden, LayerDispatch dispatch)
        {
        }

        public void SharedExpert(int layer, LayerDispatch dispatch, Span<float> shared)
        {
        }

        public void Combine(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden)
        {
        }

        public void Logits(StepBatch batch, ReadOnlySpan<float> hidden, Span<float> logits)
        {
            int v = model.Shape.VocabSize;
            for (int i = 0; i < batch.LogitCount; i++)
            {
                uint hash = (uint)hidden[batch.LogitRows[i] * model.Shape.HiddenSize];
                for (int id = 0; id < v; id++)
                    logits[i * v + id] = (hash + (uint)id * 7919) * 2654435761 % 1024 / 64f;
            }
        }

        public void Dispose()
        {
        }

        private static int Slot(StepBatch batch, int row, int position)
        {
            int block = batch.Blocks[batch.Tables[row] + position / KvBlockPool.BlockPositions];
            return block * KvBlockPool.BlockPositions + position % KvBlockPool.BlockPositions;
        }

        private static void CheckWriters(StepBatch batch)
        {
            var writers = new Dictionary<int, int>();
            for (int row = 0; row < batch.Rows; row++)
                if (!writers.TryAdd(Slot(batch, row, batch.Positions[row]) / KvBlockPool.BlockPositions, batch.Tables[row])
                    && writers[Slot(batch, row, batch.Positions[row]) / KvBlockPool.BlockPositions] != batch.Tables[row])
                    throw new InvalidOperationException("two sequences write to one block");
            for (int row = 0; row < batch.Rows; row++)
                for (int p = 0; p <= batch.Positions[row]; p += KvBlockPool.BlockPositions)
                    if (writers.TryGetValue(Slot(batch, row, p) / KvBlockPool.BlockPositions, out int table) && table != batch.Tables[row])
                        throw new InvalidOperationException("a block is written to while another sequence has it in its table");
        }
    }

    private sealed class Group(int group) : IExpertGroup
    {
        int IExpertGroup.Group => group;

        public void Forward(int layer, int rows, ReadOnlySpan<byte> activations, ReadOnlySpan<int> experts, ReadOnlySpan<float> weights, Span<byte> output)
        {
        }

        public void Dispose()
        {
        }
    }
}
