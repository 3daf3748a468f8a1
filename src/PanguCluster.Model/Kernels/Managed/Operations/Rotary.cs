namespace PanguCluster.Model.Kernels.Managed.Operations;

internal static class Rotary
{
    /// <summary>Turns every head of a row by the position's angles; lane j pairs with lane j + D/2 (half-split).</summary>
    /// <param name="heads">[heads, D], in place.</param>
    /// <param name="table">Angles.</param>
    /// <param name="position">Absolute position.</param>
    public static void Apply(Span<float> heads, RopeTable table, int position)
    {
        int half = table.HalfDim;
        var cos = table.Cos.AsSpan(position * half, half);
        var sin = table.Sin.AsSpan(position * half, half);
        for (int at = 0; at < heads.Length; at += 2 * half)
            for (int j = 0; j < half; j++)
            {
                float u = heads[at + j], v = heads[at + half + j];
                heads[at + j] = MathF.FusedMultiplyAdd(u, cos[j], -(v * sin[j]));
                heads[at + half + j] = MathF.FusedMultiplyAdd(v, cos[j], u * sin[j]);
            }
    }
}
