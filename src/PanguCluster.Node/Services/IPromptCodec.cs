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

    /// <summary>The bytes that one token stands for, maybe a part of a character; none for control tokens.</summary>
    ReadOnlySpan<byte> TokenBytes(int id);
}

public sealed record ChatTurn(string Role, string Content);
