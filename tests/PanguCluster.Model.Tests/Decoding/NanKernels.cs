using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tests.Decoding;

/// <summary>Kernels that turn the row of one token into NaN.</summary>
internal sealed class NanKernels(IKernels right, int token) : IKernels
{
    public string Name => right.Name;

    public ITrunk OpenTrunk(PackedModel model, TrunkOptions options) => new Trunk(right.OpenTrunk(model, options), token, model.Shape.HiddenSize);

    public IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options) => right.OpenGroup(model, group, options);

    private sealed class Trunk(ITrunk right, int token, int hiddenSize) : ITrunk
    {
        public void Embed(StepBatch batch, Span<float> hidden)
        {
            right.Embed(batch, hidden);
            for (int row = 0; row < batch.Rows; row++)
                if (batch.Tokens[row] == token)
                    hidden.Slice(row * hiddenSize, hiddenSize).Fill(float.NaN);
        }

        public void Attend(int layer, StepBatch batch, Span<float> hidden) => right.Attend(layer, batch, hidden);

        public void Route(int layer, ReadOnlySpan<float> hidden, LayerDispatch dispatch) => right.Route(layer, hidden, dispatch);

        public void SharedExpert(int layer, LayerDispatch dispatch, Span<float> shared) => right.SharedExpert(layer, dispatch, shared);

        public void Combine(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden) => right.Combine(dispatch, shared, hidden);

        public void Logits(StepBatch batch, ReadOnlySpan<float> hidden, Span<float> logits) => right.Logits(batch, hidden, logits);

        public void Dispose() => right.Dispose();
    }
}
