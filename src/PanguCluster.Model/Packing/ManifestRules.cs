using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Packing;

/// <summary>What must hold between the fields of a manifest; see the format table in NUMERICS.md.</summary>
public static class ManifestRules
{
    public const int MaxEosTokens = 64;

    /// <summary>trunk.bin, every group, two tokenizer files.</summary>
    public const int MaxFiles = ShapeLimits.MaxGroups + 3;

    public const string TokenizerFile = "tokenizer.model";
    public const string TokenizerConfigFile = "tokenizer_config.json";

    /// <exception cref="ModelFormatException">Names the field and what was expected.</exception>
    public static void Check(string where, Manifest m)
    {
        CheckTypes(where, m);
        CheckTokens(where, m);
        CheckFiles(where, m);
    }

    /// <summary>Group output element type of a format, and that of its KV cache unless another was asked for (NUMERICS.md, Formats).</summary>
    public static ElementType StateTypeOf(PackFormat format) => format == PackFormat.Bf16 ? ElementType.F32 : ElementType.Bf16;

    /// <summary>Element type of the packed matrices of a format (NUMERICS.md, Formats).</summary>
    public static ElementType WeightsOf(PackFormat format, ElementType halfType) => format switch
    {
        PackFormat.W8A8 => ElementType.I8,
        PackFormat.W4A8 => ElementType.I4,
        _ => halfType,
    };

    /// <summary>Inputs that share a scale; 0 where the format has no such groups.</summary>
    public static int WeightGroupOf(PackFormat format) => format == PackFormat.W4A8 ? PanelTensor.GroupInputs : 0;

    private static void CheckTypes(string where, Manifest m)
    {
        if (m.Embedding is not (ElementType.Bf16 or ElementType.F16))
            throw new ModelFormatException($"{where}: embedding is {ManifestJson.NameOf(m.Embedding)}: expected bf16 or f16");
        var weights = WeightsOf(m.Format, m.Embedding);
        if (m.Weights != weights)
            throw new ModelFormatException(
                $"{where}: weights is {ManifestJson.NameOf(m.Weights)}: format {ManifestJson.NameOf(m.Format)} needs {ManifestJson.NameOf(weights)}");
        if (m.WeightGroup != WeightGroupOf(m.Format))
            throw new ModelFormatException(
                $"{where}: weight_group is {m.WeightGroup}: this build reads {WeightGroupOf(m.Format)} in format {ManifestJson.NameOf(m.Format)}");
        if (m.KvCache is not (ElementType.F32 or ElementType.Bf16 or ElementType.I8))
            throw new ModelFormatException($"{where}: kv_cache is {ManifestJson.NameOf(m.KvCache)}: expected f32, bf16 or i8");
        if (m.GroupOutput is not (ElementType.F32 or ElementType.Bf16))
            throw new ModelFormatException($"{where}: group_output is {ManifestJson.NameOf(m.GroupOutput)}: expected f32 or bf16");
        if (m.TensorParallelSlices != 1)
            throw new ModelFormatException($"{where}: tensor_parallel_slices is {m.TensorParallelSlices}: this build reads 1");
    }

    private static void CheckTokens(string where, Manifest m)
    {
        if (m.BosTokenId < 0 || m.BosTokenId >= m.Shape.VocabSize)
            throw new ModelFormatException($"{where}: bos_token_id is {m.BosTokenId}: expected 0..{m.Shape.VocabSize - 1}");
        if (m.EosTokenIds.Count > MaxEosTokens)
            throw new ModelFormatException($"{where}: eos_token_ids has {m.EosTokenIds.Count} ids: at most {MaxEosTokens}");
        foreach (int id in m.EosTokenIds)
            if (id < 0 || id >= m.Shape.VocabSize)
                throw new ModelFormatException($"{where}: eos_token_ids holds {id}: expected 0..{m.Shape.VocabSize - 1}");
    }

    private static void CheckFiles(string where, Manifest m)
    {
        var trunk = new TrunkLayout(m.Shape, m.Weights, m.Embedding);
        var group = new GroupLayout(m.Shape, m.Weights);
        var expected = new Dictionary<string, long>(StringComparer.Ordinal) { [PackedModel.TrunkFileName] = trunk.Length };
        for (int g = 0; g < m.Shape.Groups; g++)
            expected.Add(PackedModel.GroupFileName(g), group.Length);

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in m.Files)
        {
            if (!seen.Add(file.Name))
                throw new ModelFormatException($"{where}: files lists {file.Name} twice");
            if (file.Sha256.Length != 64 || !file.Sha256.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f'))
                throw new ModelFormatException($"{where}: files: {file.Name}: sha256 is not 64 lower-case hex digits");
            if (expected.TryGetValue(file.Name, out long bytes))
            {
                if (file.Bytes != bytes)
                    throw new ModelFormatException($"{where}: files: {file.Name} has {file.Bytes} bytes: the shape needs {bytes}");
            }
            else if (file.Name is not (TokenizerFile or TokenizerConfigFile))
                throw new ModelFormatException($"{where}: files lists '{file.Name}', which is no part of a packed model");
        }
        foreach (string name in expected.Keys)
            if (!seen.Contains(name))
                throw new ModelFormatException($"{where}: files does not list {name}");
        if (m.HasTokenizer != seen.Contains(TokenizerFile))
            throw new ModelFormatException($"{where}: has_tokenizer is {(m.HasTokenizer ? "true" : "false")}, but files says otherwise");
    }
}
