using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Tests.Checkpoints;

/// <summary>A checkpoint written tensor by tensor, for tests to bend: change a config field, a tensor, or the files afterwards.</summary>
internal sealed class TestCheckpoint
{
    public sealed record Tensor(string DataType, long[] Shape, byte[] Data);

    public JsonObject Config { get; }
    public SortedDictionary<string, Tensor> Tensors { get; } = new(StringComparer.Ordinal);

    public TestCheckpoint(ModelShape s, ElementType type)
    {
        Config = new JsonObject
        {
            ["architectures"] = new JsonArray("PanguProMoEForCausalLM"),
            ["vocab_size"] = s.VocabSize,
            ["hidden_size"] = s.HiddenSize,
            ["num_hidden_layers"] = s.Layers,
            ["num_attention_heads"] = s.Heads,
            ["num_key_value_heads"] = s.KvHeads,
            ["num_experts"] = s.Experts,
            ["num_experts_per_tok"] = s.ExpertsPerToken,
            ["num_expert_groups"] = s.Groups,
            ["moe_intermediate_size"] = s.ExpertIntermediate,
            ["shared_expert_intermediate_size"] = s.SharedIntermediate,
            ["rms_norm_eps"] = s.RmsNormEpsilon,
            ["rope_theta"] = s.RopeTheta,
            ["max_position_embeddings"] = s.MaxPositions,
            ["hidden_act"] = "silu",
            ["bos_token_id"] = 1,
            ["eos_token_id"] = 2,
        };
        foreach (var (name, shape) in Names(s))
            Tensors[name] = Values(name, type, shape);
    }

    /// <summary>The value of element i of a tensor before rounding: a fixed hash, so a test can recompute it.</summary>
    public static float ValueOf(string name, long i)
    {
        uint h = 2166136261;
        foreach (char c in name)
            h = (h ^ c) * 16777619;
        ulong z = (h + (ulong)i * 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9;
        return ((z ^ (z >> 31)) >> 40) / (float)(1 << 23) - 1f;
    }

    public static Tensor Values(string name, ElementType type, params long[] shape)
    {
        long count = shape.Aggregate(1L, (a, b) => a * b);
        var data = new byte[count * type.Size()];
        for (int i = 0; i < count; i++)
            Put(data, i, type, ValueOf(name, i));
        return new Tensor(NameOf(type), shape, data);
    }

    public static void Put(byte[] data, int i, ElementType type, float value)
    {
        if (type == ElementType.F32)
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(i * 4), value);
        else if (type == ElementType.F16)
            BinaryPrimitives.WriteHalfLittleEndian(data.AsSpan(i * 2), (Half)value);
        else
            BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(i * 2), HalfWords.ToBf16(value));
    }

    /// <param name="shards">1: model.safetensors; more: tensors dealt out over numbered files, with an index.</param>
    public void Write(string folder, int shards = 1)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config.ToJsonString());
        if (shards == 1)
        {
            WriteFile(Path.Combine(folder, "model.safetensors"), Tensors);
            return;
        }
        var map = new JsonObject();
        for (int shard = 0; shard < shards; shard++)
        {
            string file = $"model-{shard + 1:00000}-of-{shards:00000}.safetensors";
            var part = Tensors.Where((_, i) => i % shards == shard).ToArray();
            WriteFile(Path.Combine(folder, file), part);
            foreach (var (name, _) in part)
                map[name] = file;
        }
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());
    }

    public static void WriteFile(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        long at = 0;
        foreach (var (name, tensor) in tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = tensor.DataType,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(d => (JsonNode)d)]),
                ["data_offsets"] = new JsonArray(at, at + tensor.Data.Length),
            };
            at += tensor.Data.Length;
        }
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var stream = File.Create(path);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        stream.Write(length);
        stream.Write(json);
        foreach (var (_, tensor) in tensors)
            stream.Write(tensor.Data);
    }

    private static string NameOf(ElementType type) => type switch
    {
        ElementType.F32 => "F32",
        ElementType.F16 => "F16",
        _ => "BF16",
    };

    private static IEnumerable<(string Name, long[] Shape)> Names(ModelShape s)
    {
        long h = s.HiddenSize;
        yield return ("model.embed_tokens.weight", [s.VocabSize, h]);
        yield return ("model.norm.weight", [h]);
        yield return ("lm_head.weight", [s.VocabSize, h]);
        for (int l = 0; l < s.Layers; l++)
        {
            string p = $"model.layers.{l}.";
            yield return (p + "input_layernorm.weight", [h]);
            yield return (p + "post_attention_layernorm.weight", [h]);
            foreach (var (name, rows) in new[] { ("q", s.QueryWidth), ("k", s.KvWidth), ("v", s.KvWidth) })
            {
                yield return ($"{p}self_attn.{name}_proj.weight", [rows, h]);
                yield return ($"{p}self_attn.{name}_proj.bias", [rows]);
            }
            yield return (p + "self_attn.o_proj.weight", [h, s.QueryWidth]);
            yield return (p + "self_attn.o_proj.bias", [h]);
            yield return (p + "mlp.gate.weight", [s.Experts, h]);
            yield return (p + "mlp.router_scale", [1, s.Experts]);
            foreach (string ffn in Enumerable.Range(0, s.Experts).Select(e => $"mlp.experts.{e}").Append("mlp.shared_expert"))
            {
                long inner = ffn.EndsWith("expert", StringComparison.Ordinal) ? s.SharedIntermediate : s.ExpertIntermediate;
                yield return ($"{p}{ffn}.gate_proj.weight", [inner, h]);
                yield return ($"{p}{ffn}.up_proj.weight", [inner, h]);
                yield return ($"{p}{ffn}.down_proj.weight", [h, inner]);
            }
        }
    }
}
