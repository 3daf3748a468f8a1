using System.Text.Json;
using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tokenization;

/// <summary>The one question this build asks of a checkpoint's chat template; the turns themselves are the family's and fixed.</summary>
internal static class ChatTemplates
{
    private const int MaxLength = 1 << 20;

    /// <summary>
    /// Whether a conversation without a system turn gets an empty one: yes without a template (the original family's tokenizer code does),
    /// or where the template holds an empty system turn as a literal.
    /// </summary>
    public static bool WritesDefaultSystemTurn(string folder)
    {
        string? template = Find(folder);
        return template is null || template.Contains(ChatFormat.EmptySystemTurn, StringComparison.Ordinal);
    }

    private static string? Find(string folder)
    {
        string file = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(file) && new FileInfo(file).Length <= MaxLength)
            return File.ReadAllText(file);
        string path = Path.Combine(folder, ManifestRules.TokenizerConfigFile);
        if (!File.Exists(path))
            return null;
        using var document = JsonFields.ParseFile(path);
        var fields = new JsonFields(path, document.RootElement);
        if (fields.Find("chat_template") is not { } value)
            return null;
        if (value.ValueKind == JsonValueKind.Array)
        {
            // Several named templates: the one called default counts.
            foreach (var entry in value.EnumerateArray())
                if (entry.ValueKind == JsonValueKind.Object && new JsonFields(path, entry) is var named && named.Text("name") == "default")
                    return named.Text("template", MaxLength);
            return null;
        }
        return fields.Text("chat_template", MaxLength);
    }
}
