using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Checkpoints;

/// <summary>The tensors of a PanguProMoEForCausalLM checkpoint, by name and shape [out, in].</summary>
internal static class TensorNames
{
    public const string Embedding = "model.embed_tokens.weight";
    public const string FinalNorm = "model.norm.weight";
    public const string Head = "lm_head.weight";

    public static string Layer(int layer, string rest) => $"model.layers.{layer}.{rest}";

    public static string Expert(int layer, int expert, string projection) => $"model.layers.{layer}.mlp.experts.{expert}.{projection}.weight";

    /// <summary>Tensors that hold nothing to compute with: recomputed tables, and offsets of quantized caches.</summary>
    public static bool IsIgnored(string name) =>
        name.Contains("rotary_emb.inv_freq", StringComparison.Ordinal) || name.EndsWith(".kv_cache_offset", StringComparison.Ordinal);

    /// <summary>Every tensor the model needs.</summary>
    public static IEnumerable<(string Name, int[] Shape)> All(ModelShape s)
    {
        yield return (Embedding, [s.VocabSize, s.HiddenSize]);
        yield return (FinalNorm, [s.HiddenSize]);
        yield return (Head, [s.VocabSize, s.HiddenSize]);
        for (int layer = 0; layer < s.Layers; layer++)
            foreach (var (suffix, shape) in OfLayer(s))
                yield return (Layer(layer, suffix), shape);
    }

    private static IEnumerable<(string Suffix, int[] Shape)> OfLayer(ModelShape s)
    {
        int h = s.HiddenSize;
        yield return ("input_layernorm.weight", [h]);
        yield return ("post_attention_layernorm.weight", [h]);
        foreach (var (name, rows) in ((string, int)[])[("q", s.QueryWidth), ("k", s.KvWidth), ("v", s.KvWidth)])
        {
            yield return ($"self_attn.{name}_proj.weight", [rows, h]);
            yield return ($"self_attn.{name}_proj.bias", [rows]);
        }
        yield return ("self_attn.o_proj.weight", [h, s.QueryWidth]);
        yield return ("self_attn.o_proj.bias", [h]);
        yield return ("mlp.gate.weight", [s.Experts, h]);
        yield return ("mlp.router_scale", [s.Experts]);
        yield return ("mlp.shared_expert.gate_proj.weight", [s.SharedIntermediate, h]);
        yield return ("mlp.shared_expert.up_proj.weight", [s.SharedIntermediate, h]);
        yield return ("mlp.shared_expert.down_proj.weight", [h, s.SharedIntermediate]);
        for (int e = 0; e < s.Experts; e++)
        {
            yield return ($"mlp.experts.{e}.gate_proj.weight", [s.ExpertIntermediate, h]);
            yield return ($"mlp.experts.{e}.up_proj.weight", [s.ExpertIntermediate, h]);
            yield return ($"mlp.experts.{e}.down_proj.weight", [h, s.ExpertIntermediate]);
        }
    }
}
