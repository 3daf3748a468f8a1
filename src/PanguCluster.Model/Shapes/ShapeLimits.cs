using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Shapes;

/// <summary>
/// What a shape must keep to. The upper bounds are far above every published model; they exist so that no product of two
/// dimensions overflows and no hostile file makes a server allocate without end.
/// </summary>
public static class ShapeLimits
{
    public const int MaxVocabulary = 1 << 22;
    public const int MaxHidden = 1 << 16;
    public const int MaxLayers = 1024;
    public const int MaxHeads = 1024;
    public const int MaxHeadDim = 512;
    public const int MaxExperts = 4096;
    public const int MaxGroups = 256;

    /// <summary>127 * 127 * K must fit int32 (numerics rule 2): K up to 133,143.</summary>
    public const int MaxIntermediate = 1 << 17;

    public const int MaxPositions = 1 << 24;
    public const double MaxRopeTheta = 1e12;
    public const float MinEpsilon = 1e-12f;
    public const float MaxEpsilon = 0.1f;

    /// <summary>Largest packed file, bytes: 16 TiB.</summary>
    public const long MaxFileBytes = 1L << 44;

    internal static void Check(ModelShape shape)
    {
        Range("vocab_size", shape.VocabSize, MaxVocabulary);
        Range("hidden_size", shape.HiddenSize, MaxHidden);
        Range("layers (num_hidden_layers)", shape.Layers, MaxLayers);
        Range("heads (num_attention_heads)", shape.Heads, MaxHeads);
        Range("kv_heads (num_key_value_heads)", shape.KvHeads, MaxHeads);
        Range("experts (num_experts)", shape.Experts, MaxExperts);
        Range("experts_per_token (num_experts_per_tok)", shape.ExpertsPerToken, shape.Experts);
        Range("groups (num_expert_groups)", shape.Groups, MaxGroups);
        Range("expert_intermediate (moe_intermediate_size)", shape.ExpertIntermediate, MaxIntermediate);
        Range("shared_intermediate (shared_expert_intermediate_size)", shape.SharedIntermediate, MaxIntermediate);
        Range("max_positions (max_position_embeddings)", shape.MaxPositions, MaxPositions);

        Divides("heads (num_attention_heads)", shape.Heads, "hidden_size", shape.HiddenSize);
        Divides("kv_heads (num_key_value_heads)", shape.KvHeads, "heads (num_attention_heads)", shape.Heads);
        Divides("groups (num_expert_groups)", shape.Groups, "experts (num_experts)", shape.Experts);
        Divides("groups (num_expert_groups)", shape.Groups, "experts_per_token (num_experts_per_tok)", shape.ExpertsPerToken);

        if (shape.HeadDim % 2 != 0)
            throw new ModelFormatException(
                $"hidden_size {shape.HiddenSize} / heads {shape.Heads} gives a head dimension of {shape.HeadDim}: rotary embedding needs an even one");
        if (shape.HeadDim > MaxHeadDim)
            throw new ModelFormatException(
                $"hidden_size {shape.HiddenSize} / heads {shape.Heads} gives a head dimension of {shape.HeadDim}: at most {MaxHeadDim}");
        if (!(shape.RmsNormEpsilon >= MinEpsilon && shape.RmsNormEpsilon <= MaxEpsilon))
            throw new ModelFormatException($"rms_norm_epsilon (rms_norm_eps) is {shape.RmsNormEpsilon}: expected {MinEpsilon}..{MaxEpsilon}");
        if (!(shape.RopeTheta >= 1 && shape.RopeTheta <= MaxRopeTheta))
            throw new ModelFormatException($"rope_theta is {shape.RopeTheta}: expected 1..{MaxRopeTheta}");
        CheckFileSizes(shape);
    }

    // The layouts compute in 64 bits; with the bounds above each tensor fits, their sum might not be a file anyone can have.
    private static void CheckFileSizes(ModelShape shape)
    {
        double h = shape.HiddenSize;
        double perExpert = 3 * h * Padded(shape.ExpertIntermediate);
        double group = perExpert * shape.Layers * shape.ExpertsPerGroup * 4;
        double perLayer = 4 * h * h + (double)shape.Experts * h + 3 * h * Padded(shape.SharedIntermediate);
        double trunk = (perLayer * shape.Layers + 2 * h * Padded(shape.VocabSize)) * 4;
        double largest = Math.Max(group, trunk);
        if (largest > MaxFileBytes)
            throw new ModelFormatException(
                $"the shape needs a packed file of about {largest / (1L << 40):F0} TiB: at most {MaxFileBytes >> 40} TiB");
    }

    private static double Padded(int outputs) => (outputs + 63) / 64 * 64.0;

    private static void Range(string field, int value, int most)
    {
        if (value < 1 || value > most)
            throw new ModelFormatException($"{field} is {value}: expected 1..{most}");
    }

    private static void Divides(string field, int divisor, string ofField, int value)
    {
        if (value % divisor != 0)
            throw new ModelFormatException($"{ofField} {value} is not divisible by {field} {divisor}");
    }
}
