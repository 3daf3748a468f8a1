using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Node.Bench;

/// <summary>The least one step must read and compute: counted from the packed layout and the experts the router really chose.</summary>
/// <param name="Bytes">
/// Weights, scales and biases of the trunk once, of every distinct chosen expert once, embedding rows, and the keys and values of the
/// context once per sequence. Activations and KV writes are not counted: they stay in the caches.
/// </param>
/// <param name="WeightOperations">Multiply-adds with packed weights times two (int8 or 16-bit, after the format).</param>
/// <param name="FloatOperations">The same in fp32 whatever the format: router gate and attention.</param>
public readonly record struct StepWork(double Bytes, double WeightOperations, double FloatOperations)
{
    /// <param name="rows">Token rows of the step.</param>
    /// <param name="logitRows">Rows whose logits are computed.</param>
    /// <param name="cachedPositions">Positions attended to, summed over sequences: what is read of the cache.</param>
    /// <param name="attendedPositions">Positions attended to, summed over rows: what is computed.</param>
    /// <param name="distinctExperts">Distinct (layer, expert) pairs chosen in the step.</param>
    public static StepWork Count(
        PackedModel model, int rows, int logitRows, double cachedPositions, double attendedPositions, double distinctExperts)
    {
        var s = model.Shape;
        double bytes = (double)rows * s.HiddenSize * model.Manifest.Embedding.Size();
        foreach (var layer in model.Trunk.Layers)
            bytes += Size(layer.Qkv) + Size(layer.Output) + Size(layer.Gate) + Size(layer.SharedGateUp) + Size(layer.SharedDown)
                + 4.0 * (2 * s.HiddenSize + s.Experts);
        if (logitRows > 0)
            bytes += Size(model.Trunk.Head) + 4.0 * s.HiddenSize;
        var expert = model.Group.Experts[0, 0];
        bytes += distinctExperts * (Size(expert.GateUp) + Size(expert.Down));
        bytes += cachedPositions * model.Manifest.KvTokenBytes;

        double weights = rows * s.Layers * WeightOperationsPerLayer(s) + 2.0 * logitRows * s.HiddenSize * s.VocabSize;
        double floats = 2.0 * s.Layers * ((double)rows * s.HiddenSize * s.Experts + 2 * attendedPositions * s.QueryWidth);
        return new StepWork(bytes, weights, floats);
    }

    /// <summary>Of one token in one layer: projections, shared expert and the K chosen experts.</summary>
    public static double WeightOperationsPerLayer(ModelShape s)
    {
        double h = s.HiddenSize;
        return 2 * (h * (s.QueryWidth + 2 * s.KvWidth) + h * s.QueryWidth + 3 * h * s.SharedIntermediate
            + 3 * h * s.ExpertIntermediate * s.ExpertsPerToken);
    }

    /// <summary>Seconds the step needs at least, and which limit binds.</summary>
    public (double Seconds, string Limit) Least(MachineLimits limits, PackFormat format)
    {
        double reading = Bytes / limits.ReadBytesPerSecond;
        bool wide = format == PackFormat.Bf16;
        double weightRate = wide ? limits.Fp32OperationsPerSecond : limits.Int8OperationsPerSecond;
        double computing = WeightOperations / weightRate + FloatOperations / limits.Fp32OperationsPerSecond;
        if (reading >= computing)
            return (reading, "read bandwidth");
        return (computing, wide ? "fp32 throughput" : "int8 throughput");
    }

    private static double Size(PanelTensor t)
    {
        double rows = t.Panels * (double)PanelTensor.Lanes;
        return t.WeightBytes + (t.ScalesOffset != PanelTensor.None ? rows * 4 : 0) + (t.BiasOffset != PanelTensor.None ? rows * 4 : 0);
    }
}
