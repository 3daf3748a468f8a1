using System.Text.Json;

namespace PanguCluster.Node.OpenAi;

/// <summary>Objects of <c>/v1/completions</c>.</summary>
public sealed class CompletionWriter(AnswerHead head, TokenTexts texts, bool? logprobs) : AnswerWriter(head, texts, logprobs)
{
    private readonly bool? _logprobs = logprobs;

    public override bool TellsOffsets => _logprobs != false;
    protected override string IdPrefix => "cmpl-";
    protected override string WholeObject => "text_completion";
    protected override string ChunkObject => "text_completion";

    protected override void WriteContent(Utf8JsonWriter json, string text, Piece piece) => json.WriteString("text"u8, text);

    protected override void WriteLogprobs(Utf8JsonWriter json, IReadOnlyList<AnswerToken> tokens)
    {
        json.WriteStartObject();
        json.WriteStartArray("tokens"u8);
        foreach (var token in tokens)
            json.WriteStringValue(Texts.TextOf(token.TokenId));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs"u8);
        foreach (var token in tokens)
            WriteLogprob(json, token.Logprob);
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs"u8);
        foreach (var token in tokens)
            WriteTop(json, token);
        json.WriteEndArray();
        json.WriteStartArray("text_offset"u8);
        foreach (var token in tokens)
            json.WriteNumberValue(token.Offset);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The most likely tokens, and the token itself where it is none of them.</summary>
    private void WriteTop(Utf8JsonWriter json, AnswerToken token)
    {
        if (float.IsNaN(token.Logprob))
        {
            json.WriteNullValue();
            return;
        }
        json.WriteStartObject();
        bool itself = false;
        foreach (var top in token.Top ?? [])
        {
            Write(top.TokenId, top.Logprob);
            itself |= top.TokenId == token.TokenId;
        }
        if (!itself)
            Write(token.TokenId, token.Logprob);
        json.WriteEndObject();

        void Write(int id, float logprob)
        {
            json.WritePropertyName(Texts.TextOf(id));
            WriteLogprob(json, logprob);
        }
    }
}
