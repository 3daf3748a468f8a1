using System.Runtime.InteropServices;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tests.Kernels;

/// <summary>Kernels with one rule of NUMERICS.md broken, to see that the checks notice.</summary>
internal sealed class FaultyKernels(IKernels right, FaultyKernels.Fault fault) : IKernels
{
    public enum Fault
    {
        /// <summary>Groups are added in descending order. (Invisible where group outputs are bf16: four such numbers add up exactly.)</summary>
        CombineReversed,

        /// <summary>The shared expert is added before the groups.</summary>
        SharedFirst,

        /// <summary>A row's result depends on how many rows there are.</summary>
        SeesTheBatch,

        /// <summary>A row's result depends on its place in the batch.</summary>
        SeesItsPlace,
    }

    public string Name => $"{right.Name}, {fault}";

    public ITrunk OpenTrunk(PackedModel model, TrunkOptions options) => new Trunk(right.OpenTrunk(model, options), fault, model.Shape.HiddenSize);

    public IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options) => right.OpenGroup(model, group, options);

    private sealed class Trunk(ITrunk right, Fault fault, int hiddenSize) : ITrunk
    {
        private const int PlacesRight = 5;

        public void Embed(StepBatch batch, Span<float> hidden)
        {
            right.Embed(batch, hidden);
            if (fault == Fault.SeesTheBatch && batch.Rows > 2)
                Nudge(hidden[..hiddenSize]);
            if (fault == Fault.SeesItsPlace && batch.Rows > PlacesRight)
                Nudge(hidden[(PlacesRight * hiddenSize)..(batch.Rows * hiddenSize)]);
        }

        private static void Nudge(Span<float> row)
        {
            foreach (ref float x in row)
                x = MathF.BitIncrement(x);
        }

        public void Attend(int layer, StepBatch batch, Span<float> hidden) => right.Attend(layer, batch, hidden);

        public void Route(int layer, ReadOnlySpan<float> hidden, LayerDispatch dispatch) => right.Route(layer, hidden, dispatch);

        public void SharedExpert(int layer, LayerDispatch dispatch, Span<float> shared) => right.SharedExpert(layer, dispatch, shared);

        public void Combine(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden)
        {
            if (fault == Fault.SharedFirst)
            {
                CombineSharedFirst(dispatch, shared, hidden);
                return;
            }
            if (fault == Fault.CombineReversed)
                for (int g = 0; g < dispatch.Groups / 2; g++)
                {
                    byte[] low = dispatch.OutputOf(g).ToArray();
                    dispatch.OutputOf(dispatch.Groups - 1 - g).CopyTo(dispatch.OutputOf(g));
                    low.CopyTo(dispatch.OutputOf(dispatch.Groups - 1 - g));
                }
            right.Combine(dispatch, shared, hidden);
        }

        private static void CombineSharedFirst(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden)
        {
            bool wide = dispatch.OutputType == ElementType.F32;
            for (int i = 0; i < dispatch.OutputBytesPerGroup / dispatch.OutputType.Size(); i++)
            {
                float t = shared[i];
                for (int g = 0; g < dispatch.Groups; g++)
                    t += wide
                        ? MemoryMarshal.Cast<byte, float>(dispatch.OutputOf(g))[i]
                        : HalfWords.FromBf16(MemoryMarshal.Cast<byte, ushort>(dispatch.OutputOf(g))[i]);
                hidden[i] += t;
            }
        }

        public void Logits(StepBatch batch, ReadOnlySpan<float> hidden, Span<float> logits) => right.Logits(batch, hidden, logits);

        public void Dispose() => right.Dispose();
    }
}
