using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;
using PanguCluster.Model.Tests.Packing;
using Xunit;

namespace PanguCluster.Model.Tests.Shapes;

public sealed class ModelShapeTests
{
    private static readonly ModelShape Good = TestShapes.Odd;

    public static TheoryData<string, ModelShape> Broken => new()
    {
        { "vocab_size is 0", Good with { VocabSize = 0 } },
        { "vocab_size is 4194305", Good with { VocabSize = ShapeLimits.MaxVocabulary + 1 } },
        { "hidden_size is -8", Good with { HiddenSize = -8 } },
        { "hidden_size is 65537", Good with { HiddenSize = 65537 } },
        { "num_hidden_layers", Good with { Layers = 0 } },
        { "num_hidden_layers", Good with { Layers = int.MaxValue } },
        { "num_attention_heads", Good with { Heads = 0 } },
        { "hidden_size 72 is not divisible by heads", Good with { Heads = 5, KvHeads = 5 } },
        { "head dimension of 9", Good with { Heads = 8 } },
        { "head dimension of 1024", Good with { HiddenSize = 6144 } },
        { "is not divisible by kv_heads", Good with { KvHeads = 4 } },
        { "num_experts) is 0", Good with { Experts = 0 } },
        { "num_experts_per_tok) is 13", Good with { ExpertsPerToken = 13 } },
        { "experts (num_experts) 12 is not divisible by groups", Good with { Groups = 5 } },
        { "experts_per_token (num_experts_per_tok) 4 is not divisible by groups", Good with { Groups = 3 } },
        { "groups (num_expert_groups) is 0", Good with { Groups = 0 } },
        { "moe_intermediate_size", Good with { ExpertIntermediate = (1 << 17) + 1 } },
        { "shared_expert_intermediate_size", Good with { SharedIntermediate = 0 } },
        { "rms_norm_eps", Good with { RmsNormEpsilon = 0 } },
        { "rms_norm_eps", Good with { RmsNormEpsilon = float.NaN } },
        { "rope_theta", Good with { RopeTheta = double.PositiveInfinity } },
        { "rope_theta", Good with { RopeTheta = -1 } },
        { "max_position_embeddings", Good with { MaxPositions = 0 } },
        { "TiB", Good with { HiddenSize = 65536, Heads = 128, KvHeads = 128, Layers = 1024, ExpertIntermediate = 1 << 17 } },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void Validate_should_name_the_field_when_a_limit_is_broken(string expected, ModelShape shape) =>
        Assert.Contains(expected, Assert.Throws<ModelFormatException>(() => shape.Validate()).Message);

    [Fact]
    public void Validate_should_accept_the_published_model()
    {
        var shape = new ModelShape
        {
            VocabSize = 153376, HiddenSize = 5120, Layers = 48, Heads = 40, KvHeads = 8, Experts = 64, ExpertsPerToken = 8, Groups = 8,
            ExpertIntermediate = 1344, SharedIntermediate = 5376, RmsNormEpsilon = 1e-5f, RopeTheta = 16e6, MaxPositions = 131072,
        };
        Assert.Same(shape, shape.Validate());
        Assert.Equal(128, shape.HeadDim);
    }
}
