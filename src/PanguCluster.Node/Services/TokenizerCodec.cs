using PanguCluster.Model.Packing;
using PanguCluster.Model.Tokenization;

namespace PanguCluster.Node.Services;

/// <summary>The served model's own tokenizer and chat form.</summary>
public sealed class TokenizerCodec(PanguTokenizer tokenizer, ChatSettings chat) : IPromptCodec
{
    public int[] EncodeText(string text) => tokenizer.Encode(text);

    public int[] EncodeChat(IReadOnlyList<ChatTurn> turns)
    {
        try
        {
            return tokenizer.EncodeChat([.. turns.Select(t => new ChatMessage(t.Role, t.Content))], chat.DefaultSystemTurn);
        }
        catch (NotSupportedException none)
        {
            throw RequestError.Invalid($"chat: {none.Message}; send text or token_ids");
        }
    }

    public string Decode(IReadOnlyList<int> ids) =>
        tokenizer.Decode([.. ids], wholeText: ids.Count > 0 && ids[0] == tokenizer.BosId);

    public ReadOnlySpan<byte> TokenBytes(int id) => tokenizer.TokenBytes(id);
}
