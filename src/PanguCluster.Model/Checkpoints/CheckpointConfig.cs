using System.Text.Json;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Checkpoints;

/// <summary>What config.json and generation_config.json of a Hugging Face checkpoint say, validated.</summary>
/// <param name="EosTokenIds">Ids that end a generation: generation_config's, config's, and those of the original family's vocabulary.</param>
public sealed record CheckpointConfig(ModelShape Shape, int BosTokenId, IReadOnlyList<int> EosTokenIds)
{
    private const string Architecture = "PanguProMoEForCausalLM";

    /// <summary>Vocabulary of the published family, whose turns end with [unused10] = 45892 whatever its config says.</summary>
    private const int FamilyVocabulary = 153376;
    private static readonly int[] FamilyEos = [45892, 2];

    /// <exception cref="ModelFormatException">A file cannot be read, or a field is missing, out of range or asks for what this build does not compute.</exception>
    public static CheckpointConfig Read(string folder)
    {
        string path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
            throw new ModelFormatException($"{folder}: no config.json: not a Hugging Face checkpoint");
        using var document = JsonFields.ParseFile(path, 1 << 20);
        var fields = new JsonFields(path, document.RootElement);
        RefuseForeign(fields);
        var shape = ReadShape(path, fields);
        var eos = new List<int>();
        int bos = 1;
        string generation = Path.Combine(folder, "generation_config.json");
        if (File.Exists(generation))
        {
            using var generationDocument = JsonFields.ParseFile(generation, 1 << 20);
            var generationFields = new JsonFields(generation, generationDocument.RootElement);
            bos = generationFields.Int("bos_token_id", 0, shape.VocabSize - 1, bos);
            AddEos(generationFields, shape.VocabSize, eos);
        }
        bos = fields.Int("bos_token_id", 0, shape.VocabSize - 1, bos);
        AddEos(fields, shape.VocabSize, eos);
        if (shape.VocabSize == FamilyVocabulary)
            eos.AddRange(FamilyEos);
        return new CheckpointConfig(shape, bos, [.. eos.Distinct()]);
    }

    private static ModelShape ReadShape(string path, JsonFields fields)
    {
        int experts = fields.Int("num_experts", 1, ShapeLimits.MaxExperts);
        int chosen = fields.Int("num_experts_per_tok", 1, ShapeLimits.MaxExperts);
        var shape = new ModelShape
        {
            VocabSize = fields.Int("vocab_size", 1, ShapeLimits.MaxVocabulary),
            HiddenSize = fields.Int("hidden_size", 1, ShapeLimits.MaxHidden),
            Layers = fields.Int("num_hidden_layers", 1, ShapeLimits.MaxLayers),
            Heads = fields.Int("num_attention_heads", 1, ShapeLimits.MaxHeads),
            KvHeads = fields.Int("num_key_value_heads", 1, ShapeLimits.MaxHeads),
            Experts = experts,
            ExpertsPerToken = chosen,
            // No published config names the groups: every implementation takes one expert of each of K groups.
            Groups = fields.Int("num_expert_groups", 1, ShapeLimits.MaxGroups, absent: chosen),
            ExpertIntermediate = fields.Int("moe_intermediate_size", 1, ShapeLimits.MaxIntermediate),
            SharedIntermediate = fields.Int("shared_expert_intermediate_size", 1, ShapeLimits.MaxIntermediate),
            RmsNormEpsilon = (float)fields.Double("rms_norm_eps"),
            RopeTheta = fields.Double("rope_theta"),
            MaxPositions = fields.Int("max_position_embeddings", 1, ShapeLimits.MaxPositions),
        };
        try
        {
            shape.Validate();
        }
        catch (ModelFormatException e)
        {
            throw new ModelFormatException($"{path}: {e.Message}", e);
        }
        foreach (string name in (string[])["head_dim", "attention_head_dim"])
            if (fields.Find(name) is { } value && !(value.TryGetNumber(out int dim) && dim == shape.HeadDim))
                throw fields.Bad(name, $"is {JsonFields.Show(value)}: this build computes hidden_size / num_attention_heads = {shape.HeadDim}");
        return shape;
    }

    /// <summary>Everything a config may ask for that would change the computation and is not computed here.</summary>
    private static void RefuseForeign(JsonFields fields)
    {
        var architectures = fields.Array("architectures", 16);
        if (architectures.Count != 1 || architectures[0].ValueKind != JsonValueKind.String || architectures[0].GetString() != Architecture)
            throw fields.Bad("architectures", $"is {JsonFields.Show(fields.Need("architectures"))}: this build serves [\"{Architecture}\"]");
        if (fields.Bool("tie_word_embeddings", false))
            throw fields.Bad("tie_word_embeddings", "is true: this build needs a separate lm_head.weight");
        if (fields.Find("hidden_act") is { } act && !(act.ValueKind == JsonValueKind.String && act.GetString() == "silu"))
            throw fields.Bad("hidden_act", $"is {JsonFields.Show(act)}: this build computes \"silu\"");
        if (!fields.Bool("attention_bias", true))
            throw fields.Bad("attention_bias", "is false: this build needs q, k, v and o biases");
        if (fields.Bool("norm_topk_prob", false))
            throw fields.Bad("norm_topk_prob", "is true: this build does not renormalise expert weights");
        foreach (string name in (string[])["rope_scaling", "rope_parameters", "quantization_config", "sliding_window"])
            if (fields.Find(name) is { } value)
                throw fields.Bad(name, $"is {JsonFields.Show(value)}: this build has no such thing; expected null or absent");
        if (fields.Find("mlp_only_layers") is { } dense && !(dense.ValueKind == JsonValueKind.Array && dense.GetArrayLength() == 0))
            throw fields.Bad("mlp_only_layers", $"is {JsonFields.Show(dense)}: this build has expert layers only; expected [] or absent");
    }

    private static void AddEos(JsonFields fields, int vocabulary, List<int> ids)
    {
        if (fields.Find("eos_token_id") is not { } value)
            return;
        var elements = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : (JsonElement[])[value];
        if (elements.Length > ManifestRules.MaxEosTokens)
            throw fields.Bad("eos_token_id", $"has {elements.Length} ids: at most {ManifestRules.MaxEosTokens}");
        foreach (var element in elements)
        {
            if (!element.TryGetNumber(out int id) || id < 0 || id >= vocabulary)
                throw fields.Bad("eos_token_id", $"holds {JsonFields.Show(element)}: expected whole numbers 0..{vocabulary - 1}");
            ids.Add(id);
        }
    }
}
