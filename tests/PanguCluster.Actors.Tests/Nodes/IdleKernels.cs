using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>Groups that do nothing: what is left is the way to them and back.</summary>
public sealed class IdleKernels : IKernels
{
    public string Name => "idle";

    public ITrunk OpenTrunk(PackedModel model, TrunkOptions options) => throw new NotSupportedException();

    public IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options) => new Idle(group);

    private sealed class Idle(int group) : IExpertGroup
    {
        public int Group => group;

        public void Forward(int layer, int rows, ReadOnlySpan<byte> activations, ReadOnlySpan<int> experts, ReadOnlySpan<float> weights, Span<byte> output) =>
            output[0]++;

        public void Dispose()
        {
        }
    }
}
