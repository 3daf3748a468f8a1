using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;

namespace PanguCluster.Node.Bench;

/// <summary>A trunk whose calls run against a clock.</summary>
/// <param name="trunk">Not owned.</param>
/// <param name="counted">Told every step's rows, outside the step's time.</param>
internal sealed class ClockedTrunk(ITrunk trunk, KernelClock clock, Action<StepBatch> counted) : ITrunk
{
    public void Embed(StepBatch batch, Span<float> hidden)
    {
        clock.Enter();
        counted(batch);
        clock.Leave(Stage.Counting);
        clock.Enter();
        trunk.Embed(batch, hidden);
        clock.Leave(Stage.Embed);
    }

    public void Attend(int layer, StepBatch batch, Span<float> hidden)
    {
        clock.Enter();
        trunk.Attend(layer, batch, hidden);
        clock.Leave(Stage.Attend);
    }

    public void Route(int layer, ReadOnlySpan<float> hidden, LayerDispatch dispatch)
    {
        clock.Enter();
        trunk.Route(layer, hidden, dispatch);
        clock.Leave(Stage.Route);
    }

    public void SharedExpert(int layer, LayerDispatch dispatch, Span<float> shared)
    {
        clock.Enter();
        trunk.SharedExpert(layer, dispatch, shared);
        clock.Leave(Stage.Shared);
    }

    public void Combine(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden)
    {
        clock.Enter();
        trunk.Combine(dispatch, shared, hidden);
        clock.Leave(Stage.Combine);
    }

    public void Logits(StepBatch batch, ReadOnlySpan<float> hidden, Span<float> logits)
    {
        clock.Enter();
        trunk.Logits(batch, hidden, logits);
        clock.Leave(Stage.Logits);
    }

    // The trunk belongs to the LocalModel it was taken from; several engines in turn are put over it.
    public void Dispose()
    {
    }
}
