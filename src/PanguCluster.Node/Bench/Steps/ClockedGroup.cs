using PanguCluster.Model.Kernels;

namespace PanguCluster.Node.Bench;

/// <summary>An expert group whose calls run against a clock. Not owned.</summary>
internal sealed class ClockedGroup(IExpertGroup group, KernelClock clock) : IExpertGroup
{
    public int Group => group.Group;

    public void Forward(
        int layer, int rows, ReadOnlySpan<byte> activations, ReadOnlySpan<int> experts, ReadOnlySpan<float> weights, Span<byte> output)
    {
        clock.Enter();
        group.Forward(layer, rows, activations, experts, weights, output);
        clock.Leave(Stage.Experts);
    }

    public void Dispose()
    {
    }
}
