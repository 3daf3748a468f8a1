using System.Text.Json;

namespace PanguCluster.Node.OpenAi;

/// <summary>Objects of <c>/v1/chat/completions</c>.</summary>
public sealed class ChatWriter(AnswerHead head, TokenTexts texts, bool? logprobs) : AnswerWriter(head, texts, logprobs)
{
    public override bool HasOpening => true;
    public override bool TellsOffsets => false;
    protected override string IdPrefix => "chatcmpl-";
    protected override string WholeObject => "chat.completion";
    protected override string ChunkObject => "chat.completion.chunk";

    protected override void WriteContent(Utf8JsonWriter json, string text, Piece piece)
    {
        json.WriteStartObject(piece == Piece.Whole ? "message"u8 : "delta"u8);
        if (piece is Piece.Opening or Piece.Whole)
            json.WriteString("role"u8, "assistant"u8);
        if (piece != Piece.End || text.Length > 0)
            json.WriteString("content"u8, text);
        if (piece == Piece.Whole)
            json.WriteNull("refusal"u8);
        json.WriteEndObject();
    }

    protected override void WriteLogprobs(Utf8JsonWriter json, IReadOnlyList<AnswerToken> tokens)
    {
        json.WriteStartObject();
        json.WriteStartArray("content"u8);
        foreach (var token in tokens)
        {
            json.WriteStartObject();
            WriteToken(json, token.TokenId, token.Logprob);
            json.WriteStartArray("top_logprobs"u8);
            foreach (var top in token.Top ?? [])
            {
                json.WriteStartObject();
                WriteToken(json, top.TokenId, top.Logprob);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNull("refusal"u8);
        json.WriteEndObject();
    }

    private void WriteToken(Utf8JsonWriter json, int id, float logprob)
    {
        json.WriteString("token"u8, Texts.TextOf(id));
        json.WritePropertyName("logprob"u8);
        WriteLogprob(json, logprob);
        var bytes = Texts.BytesOf(id);
        if (bytes.IsEmpty)
        {
            json.WriteNull("bytes"u8);
            return;
        }
        json.WriteStartArray("bytes"u8);
        foreach (byte value in bytes)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
