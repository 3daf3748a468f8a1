using System.Text.Json;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Node.OpenAi;

/// <summary>Writes the objects of an answer: whole, or chunk by chunk. Pure.</summary>
public abstract class AnswerWriter(AnswerHead head, TokenTexts texts, bool? logprobs)
{
    /// <summary>What stands for minus infinity, which JSON lacks.</summary>
    private const float LeastLogprob = -9999f;

    protected TokenTexts Texts => texts;

    protected abstract string IdPrefix { get; }
    protected abstract string WholeObject { get; }
    protected abstract string ChunkObject { get; }

    /// <summary>Chat only: who speaks, before the first token.</summary>
    public virtual bool HasOpening => false;

    /// <summary>Whether <see cref="AnswerToken.Offset"/> is told.</summary>
    public abstract bool TellsOffsets { get; }

    /// <param name="tellsUsage">Whether the token counts will come in the last chunk; until then they are null.</param>
    public void WriteChunk(Utf8JsonWriter json, bool tellsUsage, Action<Utf8JsonWriter> choice)
    {
        Open(json, ChunkObject);
        choice(json);
        json.WriteEndArray();
        if (tellsUsage)
            json.WriteNull("usage"u8);
        json.WriteEndObject();
    }

    /// <summary>The last chunk: no choice, the token counts.</summary>
    public void WriteUsageChunk(Utf8JsonWriter json, TokenUsage usage)
    {
        Open(json, ChunkObject);
        json.WriteEndArray();
        WriteUsage(json, usage);
        json.WriteEndObject();
    }

    public void WriteWhole(Utf8JsonWriter json, IReadOnlyList<ChoiceText> choices, TokenUsage usage)
    {
        Open(json, WholeObject);
        for (int i = 0; i < choices.Count; i++)
            WriteChoice(json, i, choices[i].Text, choices[i].Tokens, choices[i].Reason, Piece.Whole);
        json.WriteEndArray();
        WriteUsage(json, usage);
        json.WriteEndObject();
    }

    /// <param name="tokens">Those that the text comes from; none for a piece without.</param>
    public void WriteChoice(Utf8JsonWriter json, int index, string text, IReadOnlyList<AnswerToken> tokens, FinishReason? reason, Piece piece)
    {
        json.WriteStartObject();
        json.WriteNumber("index"u8, index);
        WriteContent(json, text, piece);
        json.WritePropertyName("logprobs"u8);
        if (tokens.Count > 0 && (logprobs ?? tokens.Any(t => !float.IsNaN(t.Logprob))))
            WriteLogprobs(json, tokens);
        else
            json.WriteNullValue();
        json.WriteString("finish_reason"u8, reason switch { null => null, FinishReason.Length => "length", _ => "stop" });
        json.WriteEndObject();
    }

    protected abstract void WriteContent(Utf8JsonWriter json, string text, Piece piece);

    protected abstract void WriteLogprobs(Utf8JsonWriter json, IReadOnlyList<AnswerToken> tokens);

    protected static void WriteLogprob(Utf8JsonWriter json, float logprob)
    {
        if (float.IsNaN(logprob))
            json.WriteNullValue();
        else
            json.WriteNumberValue(Math.Max(logprob, LeastLogprob));
    }

    private void Open(Utf8JsonWriter json, string kind)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, IdPrefix + head.Session);
        json.WriteString("object"u8, kind);
        json.WriteNumber("created"u8, head.Created);
        json.WriteString("model"u8, head.Model.Manifest.Name);
        json.WriteString("system_fingerprint"u8, head.Fingerprint);
        json.WriteStartArray("choices"u8);
    }

    private static void WriteUsage(Utf8JsonWriter json, TokenUsage usage)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, usage.Prompt);
        json.WriteNumber("completion_tokens"u8, usage.Completion);
        json.WriteNumber("total_tokens"u8, usage.Prompt + usage.Completion);
        json.WriteEndObject();
    }
}

/// <summary>Which part of a choice an object brings.</summary>
public enum Piece
{
    /// <summary>Who speaks, and nothing yet.</summary>
    Opening,
    Middle,

    /// <summary>The end: what was held back, and why it ends.</summary>
    End,
    Whole,
}

/// <summary>One choice, complete.</summary>
/// <param name="Tokens">Those of the prompt first, where it is echoed.</param>
public sealed record ChoiceText(string Text, IReadOnlyList<AnswerToken> Tokens, FinishReason Reason);
