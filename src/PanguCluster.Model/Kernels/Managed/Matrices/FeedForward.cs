using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels.Managed.Matrices;

/// <summary>Two matrices of one feed-forward network: down(silu(gate x) * up x). A routed expert or the shared one.</summary>
internal readonly record struct FeedForward(PanelMatrix GateUp, PanelMatrix Down, int Intermediate)
{
    public static FeedForward Read(WeightFile file, PanelTensor gateUp, PanelTensor down) =>
        new(PanelMatrix.Read(file, gateUp), PanelMatrix.Read(file, down), gateUp.Outputs);
}
