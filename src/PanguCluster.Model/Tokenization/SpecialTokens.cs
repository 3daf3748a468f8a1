using System.Globalization;
using System.Text.RegularExpressions;
using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tokenization;

/// <summary>The tokens that text can name but not spell: from tokenizer_config.json, and from the model's own control and unused pieces.</summary>
internal static partial class SpecialTokens
{
    private const int MaxTokens = 1 << 16;

    /// <param name="configPath">tokenizer_config.json; need not exist.</param>
    /// <exception cref="ModelFormatException">The config is damaged, or places a token where the model has another.</exception>
    public static Dictionary<string, int> Read(string configPath, SentencePieceModel model)
    {
        var specials = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int id = 0; id < model.Pieces.Count; id++)
            if (model.Pieces[id] is var piece && IsSpecial(piece))
                specials.TryAdd(piece.Text, id);
        if (File.Exists(configPath))
            AddConfigured(configPath, model, specials);
        return specials;
    }

    private static bool IsSpecial(Piece piece) =>
        piece.Text.Length > 0
        && (piece.Type is PieceType.Control or PieceType.Unknown || (piece.Type == PieceType.UserDefined && UnusedName().IsMatch(piece.Text)));

    private static void AddConfigured(string path, SentencePieceModel model, Dictionary<string, int> specials)
    {
        using var document = JsonFields.ParseFile(path);
        var fields = new JsonFields(path, document.RootElement);
        if (fields.Find("added_tokens_decoder") is null)
            return;
        int count = 0;
        foreach (var entry in fields.Need("added_tokens_decoder").EnumerateObject())
        {
            var token = new JsonFields($"{path}: added_tokens_decoder: {entry.Name}", entry.Value);
            string content = token.Text("content", 256);
            if (++count > MaxTokens)
                throw fields.Bad("added_tokens_decoder", $"has over {MaxTokens} tokens");
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || id >= model.Pieces.Count + MaxTokens)
                throw fields.Bad("added_tokens_decoder", $"has the key '{entry.Name}': expected a token id");
            if (content.Length == 0)
                throw token.Bad("content", "is empty");
            if (id < model.Pieces.Count && model.Pieces[id].Text != content)
                throw token.Bad("content", $"is '{content}', but {ManifestRules.TokenizerFile} has '{model.Pieces[id].Text}' there: they belong to different models");
            if (specials.TryGetValue(content, out int other) && other != id)
                throw token.Bad("content", $"is '{content}', which is token {other} already");
            specials[content] = id;
        }
    }

    [GeneratedRegex(@"^\[unused\d+\]$")]
    private static partial Regex UnusedName();
}
