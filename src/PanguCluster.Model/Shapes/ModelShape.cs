namespace PanguCluster.Model.Shapes;

/// <summary>
/// The dimensions of one Mixture-of-Grouped-Experts model, validated: every other size in the system is derived from these.
/// Letters used in shape comments: H hidden, V vocabulary, L layers, D head dimension, N experts, K experts per token,
/// M groups, I routed expert intermediate size, S shared expert intermediate size.
/// </summary>
/// <remarks>Pangu Pro MoE, arXiv 2505.21411, table 1 and equation 6.</remarks>
public sealed record ModelShape
{
    public required int VocabSize { get; init; }
    public required int HiddenSize { get; init; }
    public required int Layers { get; init; }
    public required int Heads { get; init; }
    public required int KvHeads { get; init; }
    public required int Experts { get; init; }
    public required int ExpertsPerToken { get; init; }

    /// <summary>M. Contiguous groups of N/M experts; every token takes the best K/M of each. Equals K in every published model.</summary>
    public required int Groups { get; init; }

    public required int ExpertIntermediate { get; init; }
    public required int SharedIntermediate { get; init; }
    public required float RmsNormEpsilon { get; init; }
    public required double RopeTheta { get; init; }
    public required int MaxPositions { get; init; }

    public int HeadDim => HiddenSize / Heads;
    public int QueryWidth => Heads * HeadDim;
    public int KvWidth => KvHeads * HeadDim;

    /// <summary>N/M.</summary>
    public int ExpertsPerGroup => Experts / Groups;

    /// <summary>K/M: how many experts of every group serve one token.</summary>
    public int ChosenPerGroup => ExpertsPerToken / Groups;

    /// <summary>Checks every field and every derived size; returns this shape so that it can stand in an expression.</summary>
    /// <exception cref="Packing.ModelFormatException">The message names the field, its value and the limit.</exception>
    public ModelShape Validate()
    {
        ShapeLimits.Check(this);
        return this;
    }
}
