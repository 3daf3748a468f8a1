using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels.Managed;

/// <summary>
/// The reference kernels: plain C# that follows NUMERICS.md line by line. The oracle for the native kernels, and what runs a cluster where
/// there is no native code. One thread: the thread counts of the options change speed only, so they are not used.
/// </summary>
public sealed class ManagedKernels : IKernels
{
    public string Name => "managed";

    public ITrunk OpenTrunk(PackedModel model, TrunkOptions options) => new ManagedTrunk(model, options);

    public IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options) => new ManagedExpertGroup(model, group, options);
}
