using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Packing;

/// <summary>The inverse frequencies of rotary embedding, computed once when a model is packed and stored in it.</summary>
public static class RopeFrequencies
{
    /// <summary>f64[D/2]: theta^(-2j/D).</summary>
    public static double[] Inverse(ModelShape shape)
    {
        var values = new double[shape.HeadDim / 2];
        for (int j = 0; j < values.Length; j++)
            values[j] = Math.Pow(shape.RopeTheta, -2.0 * j / shape.HeadDim);
        return values;
    }
}
