using System.Text.Json.Nodes;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Checkpoints;
using PanguCluster.Model.Tests.Tokenization;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

public sealed class PackerTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(ElementType.Bf16, ElementType.Bf16, 1)]
    [InlineData(ElementType.F16, ElementType.F16, 3)]
    [InlineData(ElementType.F32, ElementType.Bf16, 2)]
    public void Pack_should_keep_every_weight_when_16_bit(ElementType source, ElementType expected, int shards)
    {
        var model = PackOdd(source, PackFormat.Bf16, shards);
        Assert.Equal(expected, model.Manifest.Weights);
        Assert.Equal(expected, model.Manifest.Embedding);
        Assert.Equal((ElementType.F32, ElementType.F32), (model.Manifest.KvCache, model.Manifest.GroupOutput));
        var trunk = new PackedReader(model.TrunkPath);
        for (int v = 0; v < 70; v++)
            for (int i = 0; i < 72; i++)
            {
                Assert.Equal(Bits("model.embed_tokens.weight", v * 72 + i, expected), trunk.U16(model.Trunk.Embedding, v * 72 + i));
                Assert.Equal(Bits("lm_head.weight", v * 72 + i, expected), trunk.Half(model.Trunk.Head, v, i));
            }
        for (int layer = 0; layer < 2; layer++)
            CheckTrunkLayer(model, trunk, layer, expected, source);
        for (int group = 0; group < 2; group++)
            CheckGroup(model, new PackedReader(model.GroupPath(group)), group, expected);
    }

    [Theory]
    [InlineData(ElementType.Bf16)]
    [InlineData(ElementType.F32)]
    public void Pack_should_quantize_each_output_channel_when_w8a8(ElementType source)
    {
        var model = PackOdd(source, PackFormat.W8A8, 1);
        Assert.Equal((ElementType.I8, ElementType.Bf16), (model.Manifest.Weights, model.Manifest.Embedding));
        Assert.Equal((ElementType.Bf16, ElementType.Bf16), (model.Manifest.KvCache, model.Manifest.GroupOutput));
        var group = new PackedReader(model.GroupPath(1));
        var expert = model.Group.Experts[1, 4];
        CheckChannels(group, expert.GateUp, "model.layers.1.mlp.experts.10.gate_proj.weight", source, up: false);
        CheckChannels(group, expert.GateUp, "model.layers.1.mlp.experts.10.up_proj.weight", source, up: true);
        CheckChannels(group, expert.Down, "model.layers.1.mlp.experts.10.down_proj.weight", source, up: false);
        var trunk = new PackedReader(model.TrunkPath);
        CheckChannels(trunk, model.Trunk.Head, "lm_head.weight", source, up: false);
        CheckChannels(trunk, model.Trunk.Layers[0].SharedGateUp, "model.layers.0.mlp.shared_expert.up_proj.weight", source, up: true);
        Assert.Equal(Rounded("model.layers.1.mlp.gate.weight", 5 * 72 + 3, source), trunk.Float(model.Trunk.Layers[1].Gate, 5, 3));
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.F32)]
    public void Pack_should_quantize_each_group_of_inputs_when_w4a8(ElementType source)
    {
        var shape = TestShapes.Odd with { HiddenSize = 204 }; // groups of 128 and 76 inputs
        new TestCheckpoint(shape, source).Write(_temp["src"]);
        Packer.Pack(_temp["src"], _temp["dst"], new PackOptions(PackFormat.W4A8));
        var model = PackedModel.Open(_temp["dst"]);
        Assert.Equal((ElementType.I4, 128), (model.Manifest.Weights, model.Manifest.WeightGroup));
        Assert.Equal((ElementType.Bf16, ElementType.Bf16), (model.Manifest.KvCache, model.Manifest.GroupOutput));
        var group = new PackedReader(model.GroupPath(1));
        var expert = model.Group.Experts[1, 4];
        CheckGroups(group, expert.GateUp, "model.layers.1.mlp.experts.10.gate_proj.weight", source, up: false);
        CheckGroups(group, expert.GateUp, "model.layers.1.mlp.experts.10.up_proj.weight", source, up: true);
        CheckGroups(group, expert.Down, "model.layers.1.mlp.experts.10.down_proj.weight", source, up: false);
        CheckGroups(new PackedReader(model.TrunkPath), model.Trunk.Head, "lm_head.weight", source, up: false);
    }

    [Fact]
    public void Pack_should_give_a_zero_scale_when_a_channel_is_zero()
    {
        var checkpoint = new TestCheckpoint(TestShapes.Odd, ElementType.Bf16);
        Array.Clear(checkpoint.Tensors["lm_head.weight"].Data, 7 * 72 * 2, 72 * 2);
        checkpoint.Write(_temp["src"]);
        var model = Packer.Pack(_temp["src"], _temp["dst"], new PackOptions(PackFormat.W8A8));
        var trunk = new PackedReader(model.TrunkPath);
        Assert.Equal(0f, trunk.Scale(model.Trunk.Head, 7));
        Assert.All(Enumerable.Range(0, 72), i => Assert.Equal(0, trunk.Quantized(model.Trunk.Head, 7, i)));
        Assert.True(trunk.Scale(model.Trunk.Head, 8) > 0);
    }

    [Fact]
    public void Pack_should_carry_tokenizer_and_chat_settings_of_the_sample_model()
    {
        var model = Packer.Pack(Models.Nano, _temp["nano"], new PackOptions(PackFormat.W8A8));
        Assert.True(model.Manifest.HasTokenizer);
        Assert.False(model.Manifest.Chat.DefaultSystemTurn);
        Assert.Equal([13, 2], model.Manifest.EosTokenIds);
        Assert.Equal(1, model.Manifest.BosTokenId);
        Assert.Equal("pangu-nano", model.Manifest.Name);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Models.Nano, "tokenizer.model")), File.ReadAllBytes(Path.Combine(_temp["nano"], "tokenizer.model")));
        Assert.True(PackedModel.Open(_temp["nano"]).Manifest.Files.Count == 11);
    }

    [Fact]
    public void Pack_should_write_a_default_system_turn_when_the_checkpoint_has_no_template()
    {
        foreach (string file in Directory.GetFiles(Models.Nano))
            File.Copy(file, Path.Combine(Directory.CreateDirectory(_temp["src"]).FullName, Path.GetFileName(file)));
        string path = Path.Combine(_temp["src"], "tokenizer_config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config.Remove("chat_template");
        File.WriteAllText(path, config.ToJsonString());
        Assert.True(Packer.Pack(_temp["src"], _temp["a"], new PackOptions()).Manifest.Chat.DefaultSystemTurn);
        config["chat_template"] = "{{ '[unused9]系统：[unused10]' }}{% for m in messages %}{% endfor %}";
        File.WriteAllText(path, config.ToJsonString());
        Assert.True(Packer.Pack(_temp["src"], _temp["b"], new PackOptions()).Manifest.Chat.DefaultSystemTurn);
    }

    [Fact]
    public void Pack_should_take_the_golden_checkpoints_without_a_tokenizer()
    {
        var a = Packer.Pack(Models.TinyA, _temp["a"], new PackOptions());
        var c = Packer.Pack(Models.TinyC, _temp["c"], new PackOptions());
        Assert.False(a.Manifest.HasTokenizer);
        Assert.Equal(ElementType.Bf16, a.Manifest.Weights);
        Assert.Equal(ElementType.F16, c.Manifest.Weights);
        Assert.Equal((4, 6), (c.Shape.Groups, c.Shape.ExpertsPerGroup));
    }

    private PackedModel PackOdd(ElementType source, PackFormat format, int shards)
    {
        new TestCheckpoint(TestShapes.Odd, source).Write(_temp["src"], shards);
        Packer.Pack(_temp["src"], _temp["dst"], new PackOptions(format));
        var model = PackedModel.Open(_temp["dst"]);
        foreach (var file in model.Manifest.Files)
            model.VerifyFile(file.Name);
        return model;
    }

    private static void CheckTrunkLayer(PackedModel model, PackedReader trunk, int layer, ElementType type, ElementType source)
    {
        var at = model.Trunk.Layers[layer];
        string p = $"model.layers.{layer}.";
        for (int o = 0; o < 120; o++) // 72 queries, 24 keys, 24 values
        {
            string part = o < 72 ? "q" : o < 96 ? "k" : "v";
            int row = o < 72 ? o : (o - 72) % 24;
            Assert.Equal(Rounded($"{p}self_attn.{part}_proj.bias", row, source), trunk.Bias(at.Qkv, o));
            for (int i = 0; i < 72; i++)
                Assert.Equal(Bits($"{p}self_attn.{part}_proj.weight", row * 72 + i, type), trunk.Half(at.Qkv, o, i));
        }
        for (int o = 0; o < 72; o++)
        {
            Assert.Equal(Rounded(p + "input_layernorm.weight", o, source), trunk.F32(at.InputNorm, o));
            Assert.Equal(Rounded(p + "post_attention_layernorm.weight", o, source), trunk.F32(at.PostNorm, o));
            Assert.Equal(Rounded(p + "self_attn.o_proj.bias", o, source), trunk.Bias(at.Output, o));
            Assert.Equal(Bits(p + "self_attn.o_proj.weight", o * 72 + 11, type), trunk.Half(at.Output, o, 11));
            Assert.Equal(Bits(p + "mlp.shared_expert.down_proj.weight", o * 66 + 65, type), trunk.Half(at.SharedDown, o, 65));
        }
        for (int o = 0; o < 66; o++)
        {
            Assert.Equal(Bits(p + "mlp.shared_expert.gate_proj.weight", o * 72 + 5, type), trunk.Half(at.SharedGateUp, o, 5));
            Assert.Equal(Bits(p + "mlp.shared_expert.up_proj.weight", o * 72 + 5, type), trunk.Half(at.SharedGateUp, o, 5, up: true));
        }
        for (int e = 0; e < 12; e++)
        {
            Assert.Equal(Rounded(p + "mlp.router_scale", e, source), trunk.F32(at.RouterScale, e));
            Assert.Equal(Rounded(p + "mlp.gate.weight", e * 72 + 9, source), trunk.Float(at.Gate, e, 9));
        }
        Assert.Equal(Math.Pow(10000, -2.0 / 12), trunk.F64(model.Trunk.RopeInverseFrequencies, 1));
        Assert.Equal(Rounded("model.norm.weight", 71, source), trunk.F32(model.Trunk.FinalNorm, 71));
    }

    private static void CheckGroup(PackedModel model, PackedReader reader, int group, ElementType type)
    {
        for (int layer = 0; layer < 2; layer++)
            for (int e = 0; e < 6; e++)
            {
                string p = $"model.layers.{layer}.mlp.experts.{group * 6 + e}.";
                var at = model.Group.Experts[layer, e];
                for (int o = 0; o < 30; o++)
                    for (int i = 0; i < 72; i++)
                    {
                        Assert.Equal(Bits(p + "gate_proj.weight", o * 72 + i, type), reader.Half(at.GateUp, o, i));
                        Assert.Equal(Bits(p + "up_proj.weight", o * 72 + i, type), reader.Half(at.GateUp, o, i, up: true));
                        Assert.Equal(Bits(p + "down_proj.weight", i * 30 + o, type), reader.Half(at.Down, i, o));
                    }
                Assert.Equal(0, reader.Half(at.GateUp, 63, 5)); // missing output
            }
    }

    private static void CheckChannels(PackedReader reader, PanelTensor t, string name, ElementType source, bool up)
    {
        for (int o = 0; o < t.Outputs; o++)
        {
            float max = 0;
            for (int i = 0; i < t.Inputs; i++)
                max = Math.Max(max, Math.Abs(Rounded(name, o * t.Inputs + i, source)));
            float scale = max / 127f;
            Assert.Equal(scale, reader.Scale(t, o, up));
            for (int i = 0; i < t.Inputs; i++)
                Assert.Equal(Math.Clamp((int)MathF.Round(Rounded(name, o * t.Inputs + i, source) / scale), -127, 127), reader.Quantized(t, o, i, up));
        }
    }

    // What a scale may lose is the quantizer's own test; here every weight is the nearest step of its own output's and group's scale.
    private static void CheckGroups(PackedReader reader, PanelTensor t, string name, ElementType source, bool up)
    {
        for (int o = 0; o < t.Outputs; o++)
            for (int i = 0; i < t.Inputs; i++)
            {
                float scale = reader.GroupScale(t, o, i, up), w = Rounded(name, o * t.Inputs + i, source);
                int q = reader.Nibble(t, o, i, up);
                Assert.True(scale > 0);
                Assert.InRange(q, -7, 7);
                Assert.InRange(MathF.Abs(Math.Clamp(w, -7 * scale, 7 * scale) - q * scale), 0, 0.5001f * scale);
            }
        for (int i = t.Inputs; i < t.PaddedInputs; i++)
            Assert.Equal(0, reader.Nibble(t, 0, i, up));
        Assert.Equal((0, 0f), (reader.Nibble(t, t.Outputs, 0, up), reader.GroupScale(t, t.Outputs, 0, up)));
    }

    /// <summary>The element's bits in the 16-bit type; F32 sources round once, as <see cref="TestCheckpoint"/> values do.</summary>
    private static ushort Bits(string name, long i, ElementType type) => type == ElementType.F16
        ? BitConverter.HalfToUInt16Bits((Half)TestCheckpoint.ValueOf(name, i))
        : HalfWords.ToBf16(TestCheckpoint.ValueOf(name, i));

    private static float Rounded(string name, long i, ElementType type) => type switch
    {
        ElementType.F32 => TestCheckpoint.ValueOf(name, i),
        ElementType.F16 => (float)(Half)TestCheckpoint.ValueOf(name, i),
        _ => HalfWords.FromBf16(HalfWords.ToBf16(TestCheckpoint.ValueOf(name, i))),
    };
}
