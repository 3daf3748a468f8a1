using System.Text;
using System.Text.Json.Nodes;
using PanguCluster.Model.Packing;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

public sealed class ManifestTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly string _folder;

    public ManifestTests()
    {
        _folder = _temp["m"];
        RandomModel.Write(_folder, TestShapes.Odd, PackFormat.W8A8, 5);
    }

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("layout_version", "2", "layout_version is 2")]
    [InlineData("numerics_version", "99", "numerics_version is 99")]
    [InlineData("format", "\"w4\"", "format is 'w4'")]
    [InlineData("weights", "\"bf16\"", "weights is bf16: format w8a8 needs i8")]
    [InlineData("format", "\"w4a8\"", "weights is i8: format w4a8 needs i4")]
    [InlineData("weight_group", "128", "weight_group is 128: this build reads 0 in format w8a8")]
    [InlineData("kv_cache", "\"f16\"", "kv_cache is f16: expected f32, bf16 or i8")]
    [InlineData("kv_cache", "\"i8\"", "hash to")]
    [InlineData("group_output", "\"f16\"", "group_output is f16")]
    [InlineData("tensor_parallel_slices", "2", "tensor_parallel_slices is 2")]
    [InlineData("bos_token_id", "70", "bos_token_id is 70")]
    [InlineData("eos_token_ids", "[2, 70]", "eos_token_ids holds 70")]
    [InlineData("eos_token_ids", "[\"x\"]", "eos_token_ids holds")]
    [InlineData("has_tokenizer", "true", "has_tokenizer is true")]
    [InlineData("surprise", "1", "surprise is not a field")]
    [InlineData("name", "null", "name is missing")]
    [InlineData("name", "\"renamed\"", "hash to")]
    [InlineData("files", "[]", "files does not list trunk.bin")]
    [InlineData("digest", "\"00\"", "digest is 00")]
    public void Open_should_name_the_field_when_the_manifest_is_wrong(string field, string value, string expected)
    {
        Edit(root => root[field] = JsonNode.Parse(value));
        var e = Assert.Throws<ModelFormatException>(() => PackedModel.Open(_folder));
        Assert.Contains(expected, e.Message);
        Assert.Contains("manifest.json", e.Message);
    }

    [Theory]
    [InlineData("64", "weight_group is 64: this build reads 128 in format w4a8")]
    [InlineData("null", "weight_group is 0: this build reads 128 in format w4a8")]
    [InlineData("-1", "weight_group is -1")]
    public void Open_should_name_the_group_size_when_it_is_not_that_of_w4a8(string value, string expected)
    {
        Directory.Delete(_folder, recursive: true);
        var manifest = RandomModel.Write(_folder, TestShapes.Odd, PackFormat.W4A8, 5).Manifest;
        Assert.Equal(manifest.Digest, PackedModel.Open(_folder).Manifest.Digest);
        Edit(root => root["weight_group"] = JsonNode.Parse(value));
        Assert.Contains(expected, Assert.Throws<ModelFormatException>(() => PackedModel.Open(_folder)).Message);
    }

    [Fact]
    public void Another_kv_cache_should_make_another_digest_and_leave_the_files_alone()
    {
        var model = PackedModel.Open(_folder);
        var int8 = model.WithKvCache(ElementType.I8);
        Assert.NotEqual(model.Manifest.Digest, int8.Manifest.Digest);
        Assert.Equal(model.Manifest, int8.Manifest with { KvCache = ElementType.Bf16, Digest = model.Manifest.Digest });
        Assert.Equal(model.Manifest.Digest, int8.WithKvCache(ElementType.Bf16).Manifest.Digest);
        Assert.Same(model, model.WithKvCache(null));
        Assert.Same(model, model.WithKvCache(ElementType.Bf16));
        Assert.Contains("kv_cache is i4", Assert.Throws<ModelFormatException>(() => model.WithKvCache(ElementType.I4)).Message);
    }

    [Theory]
    [InlineData(ElementType.F32, 4 * 2 * 2 * 2 * 12)]
    [InlineData(ElementType.Bf16, 2 * 2 * 2 * 2 * 12)]
    [InlineData(ElementType.I8, 2 * 2 * 2 * (12 + 4))]
    public void KvTokenBytes_should_count_keys_values_and_scales_of_all_layers_and_heads(ElementType type, long expected) =>
        Assert.Equal(expected, PackedModel.Open(_folder).WithKvCache(type).Manifest.KvTokenBytes);

    [Fact]
    public void Manifest_should_name_a_group_size_only_when_there_are_groups() =>
        Assert.DoesNotContain("weight_group", File.ReadAllText(Path.Combine(_folder, "manifest.json")));

    [Theory]
    [InlineData("experts", 13, "experts (num_experts) 13 is not divisible by groups")]
    [InlineData("heads", 7, "hidden_size 72 is not divisible by heads")]
    [InlineData("vocab_size", 71, "trunk.bin has")]
    [InlineData("layers", 0, "layers is 0")]
    [InlineData("layers", 3, "trunk.bin has")]
    public void Open_should_name_the_field_when_the_shape_is_wrong(string field, int value, string expected)
    {
        Edit(root => root["shape"]![field] = value);
        Assert.Contains(expected, Assert.Throws<ModelFormatException>(() => PackedModel.Open(_folder)).Message);
    }

    [Theory]
    [InlineData("../trunk.bin", "no part of a packed model")]
    [InlineData("trunk.bin", "lists trunk.bin twice")]
    public void Open_should_refuse_a_file_name_when_it_is_not_one_of_a_packed_model(string name, string expected)
    {
        Edit(root => root["files"]![1]!["name"] = name);
        Assert.Contains(expected, Assert.Throws<ModelFormatException>(() => PackedModel.Open(_folder)).Message);
    }

    [Fact]
    public void Open_should_report_missing_groups_and_refuse_a_cut_file()
    {
        File.Delete(Path.Combine(_folder, "group-01.bin"));
        var model = PackedModel.Open(_folder);
        Assert.Equal(["group-01.bin"], model.MissingFiles);
        Assert.False(model.HasGroup(1));
        Assert.True(model.HasGroup(0));
        Assert.Contains("group-01.bin", Assert.Throws<ModelFormatException>(() => model.VerifyFile("group-01.bin")).Message);

        using (var stream = File.OpenWrite(model.TrunkPath))
            stream.SetLength(stream.Length - 1);
        Assert.Contains("trunk.bin", Assert.Throws<ModelFormatException>(() => PackedModel.Open(_folder)).Message);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"name\":1,\"name\":2}")]
    [InlineData("")]
    public void Open_should_say_so_when_the_manifest_is_no_json_object(string text)
    {
        File.WriteAllText(Path.Combine(_folder, "manifest.json"), text);
        Assert.Contains("manifest.json", Assert.Throws<ModelFormatException>(() => PackedModel.Open(_folder)).Message);
    }

    [Fact]
    public void VerifyFile_should_find_one_flipped_bit()
    {
        var model = PackedModel.Open(_folder);
        byte[] bytes = File.ReadAllBytes(model.GroupPath(0));
        bytes[bytes.Length / 2] ^= 0x10;
        File.WriteAllBytes(model.GroupPath(0), bytes);
        model.VerifyFile("trunk.bin");
        Assert.Contains("group-00.bin", Assert.Throws<ModelFormatException>(() => model.VerifyFile("group-00.bin")).Message);
    }

    private void Edit(Action<JsonNode> change)
    {
        string path = Path.Combine(_folder, "manifest.json");
        var root = JsonNode.Parse(File.ReadAllText(path))!;
        change(root);
        File.WriteAllText(path, root.ToJsonString(), new UTF8Encoding(false));
    }
}
