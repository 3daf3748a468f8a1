using System.Text;
using System.Text.Unicode;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>How single tokens are shown beside their log probabilities: every token of a vocabulary differently, so that they can be keys.</summary>
public sealed class TokenTexts(IPromptCodec? codec)
{
    /// <summary>The token's text; <c>bytes:\xe4\xb8</c> where it is a part of a character; <c>token_id:2</c> where it stands for none.</summary>
    public string TextOf(int id)
    {
        var bytes = BytesOf(id);
        if (bytes.IsEmpty)
            return FormattableString.Invariant($"token_id:{id}");
        if (Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder("bytes:");
        foreach (byte value in bytes)
            text.Append("\\x").Append(Convert.ToHexStringLower([value]));
        return text.ToString();
    }

    /// <summary>Those of the tokens of a text make up its UTF-8; empty without a tokenizer.</summary>
    public ReadOnlySpan<byte> BytesOf(int id) => codec is null ? [] : codec.TokenBytes(id);
}
