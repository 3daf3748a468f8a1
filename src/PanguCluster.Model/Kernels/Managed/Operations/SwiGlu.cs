using PanguCluster.Model.Kernels.Managed.Matrices;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>Workspace of a feed-forward network for up to a number of rows.</summary>
internal sealed class SwiGlu(FeedForward like, int maxRows)
{
    private readonly float[] _gateUp = new float[checked(maxRows * like.GateUp.ResultWidth)];
    private readonly float[] _activated = new float[like.Intermediate];
    private readonly ActivationRows _downInput = like.Down.NewInput(maxRows);

    /// <param name="network">Of the shape this workspace was made for.</param>
    /// <param name="x">Encoded input rows.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="y">[rows, H].</param>
    public void Forward(FeedForward network, ActivationRows x, int rows, Span<float> y)
    {
        network.GateUp.Multiply(x, rows, _gateUp);
        int width = network.GateUp.ResultWidth;
        for (int row = 0; row < rows; row++)
        {
            Activate(_gateUp.AsSpan(row * width, width), _activated);
            _downInput.Load(row, _activated);
        }
        network.Down.Multiply(_downInput, rows, y);
    }

    /// <summary>Panels alternate: 64 gates, then the same 64 ups.</summary>
    private static void Activate(ReadOnlySpan<float> gateUp, Span<float> activated)
    {
        for (int i = 0; i < activated.Length; i++)
        {
            int gate = i / PanelTensor.Lanes * 2 * PanelTensor.Lanes + i % PanelTensor.Lanes;
            activated[i] = Exponential.Silu(gateUp[gate]) * gateUp[gate + PanelTensor.Lanes];
        }
    }
}
