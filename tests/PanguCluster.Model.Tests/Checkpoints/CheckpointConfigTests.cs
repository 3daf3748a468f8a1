using System.Text.Json.Nodes;
using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Packing;
using PanguCluster.Model.Tests.Tokenization;
using Xunit;

namespace PanguCluster.Model.Tests.Checkpoints;

public sealed class CheckpointConfigTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly JsonObject _config = new TestCheckpoint(TestShapes.Odd, ElementType.Bf16).Config;

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("architectures", "[\"LlamaForCausalLM\"]", "architectures is")]
    [InlineData("architectures", "null", "architectures is missing")]
    [InlineData("tie_word_embeddings", "true", "tie_word_embeddings is true")]
    [InlineData("rope_scaling", "{\"type\":\"yarn\"}", "rope_scaling is")]
    [InlineData("quantization_config", "{}", "quantization_config is")]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act is \"gelu\"")]
    [InlineData("mlp_only_layers", "[0]", "mlp_only_layers is [0]")]
    [InlineData("attention_bias", "false", "attention_bias is false")]
    [InlineData("head_dim", "16", "head_dim is 16")]
    [InlineData("num_experts", "13", "num_experts) 13 is not divisible by groups")]
    [InlineData("num_experts", "\"64\"", "num_experts is \"64\"")]
    [InlineData("num_experts", "null", "num_experts is missing")]
    [InlineData("num_experts_per_tok", "0", "num_experts_per_tok is 0")]
    [InlineData("num_expert_groups", "3", "is not divisible by groups")]
    [InlineData("hidden_size", "73", "hidden_size 73 is not divisible by heads")]
    [InlineData("hidden_size", "1e300", "hidden_size is 1e300")]
    [InlineData("num_hidden_layers", "-1", "num_hidden_layers is -1")]
    [InlineData("num_key_value_heads", "4", "is not divisible by kv_heads")]
    [InlineData("vocab_size", "9999999999", "vocab_size is 9999999999")]
    [InlineData("rms_norm_eps", "0", "rms_norm_eps")]
    [InlineData("rope_theta", "\"x\"", "rope_theta is \"x\"")]
    [InlineData("eos_token_id", "70", "eos_token_id holds 70")]
    [InlineData("eos_token_id", "[2, -1]", "eos_token_id holds -1")]
    [InlineData("bos_token_id", "-1", "bos_token_id is -1")]
    public void Read_should_name_file_and_field_when_a_field_is_wrong(string field, string value, string expected)
    {
        _config[field] = JsonNode.Parse(value);
        File.WriteAllText(_temp["config.json"], _config.ToJsonString());
        var e = Assert.Throws<ModelFormatException>(() => CheckpointConfig.Read(_temp.Root));
        Assert.Contains("config.json", e.Message);
        Assert.Contains(expected, e.Message);
    }

    [Fact]
    public void Read_should_take_groups_from_experts_per_token_when_the_config_does_not_say()
    {
        _config.Remove("num_expert_groups");
        File.WriteAllText(_temp["config.json"], _config.ToJsonString());
        Assert.Equal(4, CheckpointConfig.Read(_temp.Root).Shape.Groups);
        _config["num_expert_groups"] = 2;
        File.WriteAllText(_temp["config.json"], _config.ToJsonString());
        Assert.Equal(2, CheckpointConfig.Read(_temp.Root).Shape.Groups);
    }

    [Fact]
    public void Read_should_join_the_end_tokens_of_both_files()
    {
        File.WriteAllText(_temp["config.json"], _config.ToJsonString());
        File.WriteAllText(_temp["generation_config.json"], """{"eos_token_id":[5,2,6],"bos_token_id":3}""");
        var config = CheckpointConfig.Read(_temp.Root);
        Assert.Equal([5, 2, 6], config.EosTokenIds);
        Assert.Equal(1, config.BosTokenId);
    }

    [Fact]
    public void Read_should_add_the_familys_end_tokens_when_the_vocabulary_is_the_familys()
    {
        _config["vocab_size"] = 153376;
        _config["eos_token_id"] = null;
        File.WriteAllText(_temp["config.json"], _config.ToJsonString());
        Assert.Equal([45892, 2], CheckpointConfig.Read(_temp.Root).EosTokenIds);
    }

    [Fact]
    public void Read_should_take_the_sample_models_config()
    {
        var config = CheckpointConfig.Read(Models.Nano);
        Assert.Equal((128, 4, 64, 8, 8, 4096), (config.Shape.HiddenSize, config.Shape.Layers, config.Shape.Experts, config.Shape.Groups,
            config.Shape.ExpertsPerToken, config.Shape.VocabSize));
        Assert.Equal([13, 2], config.EosTokenIds);
    }
}
