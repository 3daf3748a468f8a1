using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed.Operations;

/// <summary>Mixture of grouped experts: softmax over all experts, then the best K/M of every group, ties to the lower id.</summary>
internal sealed class Router
{
    private readonly int _perGroup;
    private readonly int _chosen;
    private readonly int _groups;

    public Router(ModelShape shape)
    {
        _perGroup = shape.ExpertsPerGroup;
        _chosen = shape.ChosenPerGroup;
        _groups = shape.Groups;
    }

    /// <summary>Logits [N] to probabilities, in place.</summary>
    public static void Softmax(Span<float> r)
    {
        float max = r[0];
        foreach (float v in r)
            if (v > max)
                max = v;
        for (int e = 0; e < r.Length; e++)
            r[e] = Exponential.Of(r[e] - max);
        float z = Reduction.Sum(r);
        for (int e = 0; e < r.Length; e++)
            r[e] /= z;
    }

    /// <summary>Chooses for one row of <paramref name="rows"/>.</summary>
    /// <param name="probabilities">[N].</param>
    /// <param name="scale">[N] router_scale: multiplies the weight, takes no part in the choice.</param>
    /// <param name="row">The row.</param>
    /// <param name="rows">Rows of the layer.</param>
    /// <param name="experts">[group, row, K/M] ids within the group, ascending.</param>
    /// <param name="weights">[group, row, K/M].</param>
    public void Choose(
        ReadOnlySpan<float> probabilities, ReadOnlySpan<float> scale, int row, int rows, Span<int> experts, Span<float> weights)
    {
        for (int g = 0; g < _groups; g++)
        {
            int at = (g * rows + row) * _chosen;
            var ids = experts.Slice(at, _chosen);
            Best(probabilities.Slice(g * _perGroup, _perGroup), ids);
            for (int i = 0; i < _chosen; i++)
            {
                int e = g * _perGroup + ids[i];
                weights[at + i] = probabilities[e] * scale[e];
            }
        }
    }

    /// <summary>The ids of the largest values, ties to the lower id, listed ascending.</summary>
    private static void Best(ReadOnlySpan<float> values, Span<int> ids)
    {
        int found = 0;
        for (int e = 0; e < values.Length; e++)
        {
            // Its rank: how many beat it. Equal ones of lower id do. (A NaN beats and is beaten by nobody; enough ids are found anyway.)
            int rank = 0;
            for (int other = 0; other < values.Length; other++)
                if (values[other] > values[e] || (values[other] == values[e] && other < e))
                    rank++;
            if (rank < ids.Length && found < ids.Length)
                ids[found++] = e;
        }
    }
}
