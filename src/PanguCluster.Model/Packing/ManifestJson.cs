using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Packing;

/// <summary>
/// <c>manifest.json</c> as bytes. Written field by field in one fixed order, so that the canonical form (no white space, no digest
/// field) is the same on every machine and every version of the JSON library.
/// </summary>
public static class ManifestJson
{
    /// <summary>The manifest as it stands in the file: indented, digest last, a final newline.</summary>
    public static byte[] Write(Manifest manifest)
    {
        var buffer = new ArrayBufferWriter<byte>();
        Write(buffer, manifest, indented: true, withDigest: true);
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>SHA-256, lower-case hex, of the canonical JSON of every field but the digest.</summary>
    public static string ComputeDigest(Manifest manifest)
    {
        var buffer = new ArrayBufferWriter<byte>();
        Write(buffer, manifest, indented: false, withDigest: false);
        return Convert.ToHexStringLower(SHA256.HashData(buffer.WrittenSpan));
    }

    /// <summary>Parses and checks everything that can be checked without the other files.</summary>
    /// <param name="where">What to call the source in messages, usually the file's path.</param>
    /// <exception cref="ModelFormatException">Names the field and what was expected.</exception>
    public static Manifest Parse(string where, ReadOnlyMemory<byte> utf8)
    {
        using var document = JsonFields.Parse(where, utf8);
        var fields = new JsonFields(where, document.RootElement);
        int layout = fields.Int("layout_version", 0, int.MaxValue);
        if (layout != Manifest.CurrentLayoutVersion)
            throw fields.Bad("layout_version", $"is {layout}, this build reads {Manifest.CurrentLayoutVersion}: pack the checkpoint again with this build");
        int numerics = fields.Int("numerics_version", 0, int.MaxValue);
        if (numerics != Manifest.CurrentNumericsVersion)
            throw fields.Bad("numerics_version", $"is {numerics}, this build computes by {Manifest.CurrentNumericsVersion}: pack the checkpoint again with this build");
        var manifest = ReadFields(where, fields, layout, numerics);
        fields.RefuseOthers();
        ManifestRules.Check(where, manifest);
        string digest = ComputeDigest(manifest);
        if (digest != manifest.Digest)
            throw fields.Bad("digest", $"is {manifest.Digest}, but the fields hash to {digest}: the manifest was changed or damaged");
        return manifest;
    }

    private static Manifest ReadFields(string where, JsonFields fields, int layout, int numerics)
    {
        var chat = fields.Object("chat");
        var manifest = new Manifest
        {
            LayoutVersion = layout,
            NumericsVersion = numerics,
            Name = fields.Text("name", 256),
            Shape = ReadShape(where, fields.Object("shape")),
            Format = FormatOf(fields, "format"),
            Weights = TypeOf(fields, "weights"),
            WeightGroup = fields.Int("weight_group", 0, ShapeLimits.MaxVocabulary, absent: 0),
            Embedding = TypeOf(fields, "embedding"),
            KvCache = TypeOf(fields, "kv_cache"),
            GroupOutput = TypeOf(fields, "group_output"),
            TensorParallelSlices = fields.Int("tensor_parallel_slices", 1, 4096),
            BosTokenId = fields.Int("bos_token_id", 0, ShapeLimits.MaxVocabulary),
            EosTokenIds = [.. fields.Array("eos_token_ids", ManifestRules.MaxEosTokens).Select(e => IdOf(fields, e))],
            HasTokenizer = fields.Bool("has_tokenizer"),
            Chat = new ChatSettings(chat.Bool("default_system_turn")),
            Files = [.. fields.Array("files", ManifestRules.MaxFiles).Select(e => ReadFile(where, e))],
            Digest = fields.Text("digest", 64),
        };
        chat.RefuseOthers();
        return manifest;
    }

    private static int IdOf(JsonFields fields, JsonElement element) =>
        element.TryGetNumber(out int id)
            ? id
            : throw fields.Bad("eos_token_ids", $"holds {JsonFields.Show(element)}: expected whole numbers");

    private static PackedFile ReadFile(string where, JsonElement element)
    {
        var fields = new JsonFields($"{where}: files", element);
        var file = new PackedFile(fields.Text("name", 64), fields.Long("bytes", 0, ShapeLimits.MaxFileBytes), fields.Text("sha256", 64));
        fields.RefuseOthers();
        return file;
    }

    private static ModelShape ReadShape(string where, JsonFields fields)
    {
        var shape = new ModelShape
        {
            VocabSize = fields.Int("vocab_size", 1, int.MaxValue),
            HiddenSize = fields.Int("hidden_size", 1, int.MaxValue),
            Layers = fields.Int("layers", 1, int.MaxValue),
            Heads = fields.Int("heads", 1, int.MaxValue),
            KvHeads = fields.Int("kv_heads", 1, int.MaxValue),
            Experts = fields.Int("experts", 1, int.MaxValue),
            ExpertsPerToken = fields.Int("experts_per_token", 1, int.MaxValue),
            Groups = fields.Int("groups", 1, int.MaxValue),
            ExpertIntermediate = fields.Int("expert_intermediate", 1, int.MaxValue),
            SharedIntermediate = fields.Int("shared_intermediate", 1, int.MaxValue),
            RmsNormEpsilon = (float)fields.Double("rms_norm_epsilon"),
            RopeTheta = fields.Double("rope_theta"),
            MaxPositions = fields.Int("max_positions", 1, int.MaxValue),
        };
        fields.RefuseOthers();
        try
        {
            return shape.Validate();
        }
        catch (ModelFormatException e)
        {
            throw new ModelFormatException($"{where}: shape: {e.Message}", e);
        }
    }

    private static PackFormat FormatOf(JsonFields fields, string name) => fields.Text(name, 64) switch
    {
        "bf16" => PackFormat.Bf16,
        "w8a8" => PackFormat.W8A8,
        "w4a8" => PackFormat.W4A8,
        var other => throw fields.Bad(name, $"is '{other}': this build reads bf16, w8a8 and w4a8"),
    };

    private static ElementType TypeOf(JsonFields fields, string name) => fields.Text(name, 64) switch
    {
        "f32" => ElementType.F32,
        "bf16" => ElementType.Bf16,
        "f16" => ElementType.F16,
        "i8" => ElementType.I8,
        "i4" => ElementType.I4,
        var other => throw fields.Bad(name, $"is '{other}': expected f32, bf16, f16, i8 or i4"),
    };

    /// <summary>The name of a format on the command line and in the manifest.</summary>
    public static string NameOf(PackFormat format) => format switch
    {
        PackFormat.W8A8 => "w8a8",
        PackFormat.W4A8 => "w4a8",
        _ => "bf16",
    };

    public static string NameOf(ElementType type) => type switch
    {
        ElementType.F32 => "f32",
        ElementType.Bf16 => "bf16",
        ElementType.F16 => "f16",
        ElementType.I8 => "i8",
        _ => "i4",
    };

    private static void Write(ArrayBufferWriter<byte> buffer, Manifest m, bool indented, bool withDigest)
    {
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = indented, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteNumber("layout_version", m.LayoutVersion);
        json.WriteNumber("numerics_version", m.NumericsVersion);
        json.WriteString("name", m.Name);
        WriteShape(json, m.Shape);
        json.WriteString("format", NameOf(m.Format));
        json.WriteString("weights", NameOf(m.Weights));
        // Only where there are groups: manifests of the other formats keep their bytes and digests.
        if (m.WeightGroup != 0)
            json.WriteNumber("weight_group", m.WeightGroup);
        json.WriteString("embedding", NameOf(m.Embedding));
        json.WriteString("kv_cache", NameOf(m.KvCache));
        json.WriteString("group_output", NameOf(m.GroupOutput));
        json.WriteNumber("tensor_parallel_slices", m.TensorParallelSlices);
        json.WriteNumber("bos_token_id", m.BosTokenId);
        json.WriteStartArray("eos_token_ids");
        foreach (int id in m.EosTokenIds)
            json.WriteNumberValue(id);
        json.WriteEndArray();
        json.WriteBoolean("has_tokenizer", m.HasTokenizer);
        json.WriteStartObject("chat");
        json.WriteBoolean("default_system_turn", m.Chat.DefaultSystemTurn);
        json.WriteEndObject();
        json.WriteStartArray("files");
        foreach (var file in m.Files)
        {
            json.WriteStartObject();
            json.WriteString("name", file.Name);
            json.WriteNumber("bytes", file.Bytes);
            json.WriteString("sha256", file.Sha256);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (withDigest)
            json.WriteString("digest", m.Digest);
        json.WriteEndObject();
    }

    private static void WriteShape(Utf8JsonWriter json, ModelShape s)
    {
        json.WriteStartObject("shape");
        json.WriteNumber("vocab_size", s.VocabSize);
        json.WriteNumber("hidden_size", s.HiddenSize);
        json.WriteNumber("layers", s.Layers);
        json.WriteNumber("heads", s.Heads);
        json.WriteNumber("kv_heads", s.KvHeads);
        json.WriteNumber("experts", s.Experts);
        json.WriteNumber("experts_per_token", s.ExpertsPerToken);
        json.WriteNumber("groups", s.Groups);
        json.WriteNumber("expert_intermediate", s.ExpertIntermediate);
        json.WriteNumber("shared_intermediate", s.SharedIntermediate);
        json.WriteNumber("rms_norm_epsilon", s.RmsNormEpsilon);
        json.WriteNumber("rope_theta", s.RopeTheta);
        json.WriteNumber("max_positions", s.MaxPositions);
        json.WriteEndObject();
    }
}
