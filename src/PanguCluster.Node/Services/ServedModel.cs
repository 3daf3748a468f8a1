using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Services;

/// <summary>Text to ids and back, as the served model does it. Safe for use by many calls at once.</summary>
public interface IPromptCodec
{
    /// <summary>Ids of plain text, begin-of-sentence first.</summary>
    int[] EncodeText(string text);

    /// <summary>Ids of a conversation in the model's chat form, up to where the assistant answers.</summary>
    int[] EncodeChat(IReadOnlyList<ChatTurn> turns);

    /// <summary>Text of ids; bytes that are no UTF-8 become U+FFFD.</summary>
    string Decode(IReadOnlyList<int> ids);
}

public sealed record ChatTurn(string Role, string Content);

/// <summary>The model as the services see it.</summary>
/// <param name="ContextLength">Most tokens of prompt and answer together that this cluster takes.</param>
/// <param name="Codec">Null for a model without a tokenizer.</param>
public sealed record ServedModel(Manifest Manifest, int ContextLength, IPromptCodec? Codec)
{
    public int VocabSize => Manifest.Shape.VocabSize;

    public int DefaultMaxTokens => Math.Min(RequestLimits.DefaultMaxTokens, ContextLength - 1);
}
