namespace PanguCluster.Model.Kernels.Managed.Operations;

internal static class RmsNorm
{
    /// <summary>y[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i], all [H].</summary>
    public static void Apply(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon, Span<float> y)
    {
        float r = 1.0f / MathF.Sqrt(Reduction.Dot(x, x) / x.Length + epsilon);
        for (int i = 0; i < x.Length; i++)
            y[i] = x[i] * r * weight[i];
    }
}
