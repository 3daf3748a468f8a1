using System.Text.Json.Nodes;
using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Packing;
using Xunit;

namespace PanguCluster.Model.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private const string Down = "model.layers.1.mlp.experts.3.down_proj.weight";
    private readonly TempFolder _temp = new();
    private readonly TestCheckpoint _checkpoint = new(TestShapes.Odd, ElementType.Bf16);

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Open_should_name_the_tensor_when_one_is_missing()
    {
        _checkpoint.Tensors.Remove(Down);
        Assert.Contains($"tensor {Down} is missing", Refusal());
    }

    [Fact]
    public void Open_should_name_tensor_and_shapes_when_one_has_another_shape()
    {
        _checkpoint.Tensors[Down] = TestCheckpoint.Values(Down, ElementType.Bf16, 30, 72);
        Assert.Contains($"tensor {Down}: shape is [30, 72]: config.json needs [72, 30]", Refusal());
    }

    [Fact]
    public void Open_should_name_tensor_and_type_when_one_has_a_type_that_is_not_read()
    {
        _checkpoint.Tensors[Down] = new TestCheckpoint.Tensor("I8", [72, 30], new byte[72 * 30]);
        Assert.Contains($"tensor {Down}: dtype is I8", Refusal());
    }

    [Fact]
    public void Open_should_refuse_a_tensor_of_another_architecture_but_skip_tables()
    {
        _checkpoint.Tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = TestCheckpoint.Values("x", ElementType.F32, 6);
        _checkpoint.Tensors["model.layers.0.self_attn.k_proj.kv_cache_offset"] = new TestCheckpoint.Tensor("I8", [4], new byte[4]);
        _checkpoint.Write(_temp["good"]);
        Checkpoint.Open(_temp["good"]).Dispose();
        _checkpoint.Tensors["model.layers.0.self_attn.q_norm.weight"] = TestCheckpoint.Values("x", ElementType.F32, 12);
        Assert.Contains("q_norm.weight is none this architecture has", Refusal());
    }

    [Fact]
    public void Open_should_take_router_scale_in_both_published_shapes()
    {
        var flat = TestCheckpoint.Values("s", ElementType.Bf16, 12);
        _checkpoint.Tensors["model.layers.0.mlp.router_scale"] = flat;
        _checkpoint.Write(_temp["good"]);
        Checkpoint.Open(_temp["good"]).Dispose();
        _checkpoint.Tensors["model.layers.0.mlp.router_scale"] = flat with { Shape = [12, 1] };
        Assert.Contains("router_scale: shape is [12, 1]", Refusal());
    }

    [Fact]
    public void Open_should_name_the_file_when_the_index_names_a_missing_one()
    {
        _checkpoint.Write(_temp["bad"], shards: 3);
        File.Delete(Path.Combine(_temp["bad"], "model-00002-of-00003.safetensors"));
        Assert.Contains("names model-00002-of-00003.safetensors, which is missing", OpenRefusal());
    }

    [Fact]
    public void Open_should_name_the_tensor_when_it_stands_in_two_shards()
    {
        _checkpoint.Write(_temp["bad"], shards: 2);
        TestCheckpoint.WriteFile(Path.Combine(_temp["bad"], "model-00002-of-00002.safetensors"), _checkpoint.Tensors);
        Assert.Contains("stands in model-00001-of-00002.safetensors too", OpenRefusal());
    }

    [Theory]
    [InlineData("\"../../etc/passwd\"", "expected a file name")]
    [InlineData("7", "expected a file name")]
    [InlineData("\"model-00001-of-00002.safetensors\"", "is missing; model.safetensors.index.json places it here")]
    public void Open_should_name_the_entry_when_the_index_is_wrong(string value, string expected)
    {
        _checkpoint.Write(_temp["bad"], shards: 2);
        string path = Path.Combine(_temp["bad"], "model.safetensors.index.json");
        var index = JsonNode.Parse(File.ReadAllText(path))!;
        var map = index["weight_map"]!.AsObject();
        string second = map.First(e => e.Value!.GetValue<string>().Contains("00002-of")).Key;
        map[second] = JsonNode.Parse(value);
        File.WriteAllText(path, index.ToJsonString());
        string message = OpenRefusal();
        Assert.Contains(expected, message);
        Assert.Contains(second, message);
    }

    [Fact]
    public void Open_should_say_what_is_missing_when_the_folder_is_no_checkpoint()
    {
        Assert.Contains("no such folder", Assert.Throws<ModelFormatException>(() => Checkpoint.Open(_temp["none"])).Message);
        Directory.CreateDirectory(_temp["bad"]);
        Assert.Contains("no config.json", OpenRefusal());
        File.WriteAllText(Path.Combine(_temp["bad"], "config.json"), _checkpoint.Config.ToJsonString());
        Assert.Contains("neither model.safetensors nor", OpenRefusal());
    }

    private string Refusal()
    {
        _checkpoint.Write(_temp["bad"]);
        return OpenRefusal();
    }

    private string OpenRefusal() => Assert.Throws<ModelFormatException>(() => Checkpoint.Open(_temp["bad"])).Message;
}
