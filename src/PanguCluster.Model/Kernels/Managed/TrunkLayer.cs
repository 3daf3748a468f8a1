using PanguCluster.Model.Kernels.Managed.Matrices;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed;

/// <summary>Trunk weights of one layer, read into memory.</summary>
internal sealed class TrunkLayer
{
    public TrunkLayer(WeightFile file, TrunkLayerLayout layout, ModelShape shape)
    {
        InputNorm = file.Read<float>(layout.InputNorm, shape.HiddenSize);
        Qkv = PanelMatrix.Read(file, layout.Qkv);
        Output = PanelMatrix.Read(file, layout.Output);
        PostNorm = file.Read<float>(layout.PostNorm, shape.HiddenSize);
        Gate = PanelMatrix.Read(file, layout.Gate);
        RouterScale = file.Read<float>(layout.RouterScale, shape.Experts);
        Shared = FeedForward.Read(file, layout.SharedGateUp, layout.SharedDown);
    }

    public float[] InputNorm { get; }
    public PanelMatrix Qkv { get; }
    public PanelMatrix Output { get; }
    public float[] PostNorm { get; }
    public PanelMatrix Gate { get; }
    public float[] RouterScale { get; }
    public FeedForward Shared { get; }
}
