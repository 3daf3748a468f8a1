using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Experts;

/// <summary>The first forward of a device, before anybody waits for it: every expert of every layer is read once, so that the first rows find its pages mapped.</summary>
internal static class GroupWarmUp
{
    /// <param name="maxRows">Of the handle, at least 1.</param>
    public static void Run(IExpertGroup device, Manifest manifest, int maxRows)
    {
        var shape = manifest.Shape;
        int chosen = shape.ChosenPerGroup;
        // So many rows that each expert is chosen by one: row r takes experts r * K/M and on.
        int rows = Math.Clamp(shape.ExpertsPerGroup / chosen, 1, maxRows);
        var activations = new byte[rows * LayerDispatch.ActivationRowBytes(manifest)];
        var experts = new int[rows * chosen];
        var weights = new float[rows * chosen];
        var output = new byte[rows * shape.HiddenSize * manifest.GroupOutput.Size()];
        for (int first = 0; first + chosen <= shape.ExpertsPerGroup; first += rows * chosen)
        {
            for (int i = 0; i < experts.Length; i++)
                experts[i] = Math.Min(first + i / chosen * chosen, shape.ExpertsPerGroup - chosen) + i % chosen;
            for (int layer = 0; layer < shape.Layers; layer++)
                device.Forward(layer, rows, activations, experts, weights, output);
        }
    }
}
