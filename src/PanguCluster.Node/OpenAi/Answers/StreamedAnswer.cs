using System.Buffers;
using System.Text;
using System.Text.Json;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Node.OpenAi;

/// <summary>
/// Writes an answer as server-sent events, a chunk per token. Every chunk with a token has an <c>id:</c>, see <see cref="LastEvent"/>.
/// </summary>
public sealed class StreamedAnswer : IDisposable
{
    private readonly AnswerPlan _plan;
    private readonly AnswerWriter _writer;
    private readonly IBufferWriter<byte> _to;
    private readonly Utf8JsonWriter _json;
    private readonly ChoiceProgress _progress;

    public StreamedAnswer(AnswerPlan plan, AnswerWriter writer, IBufferWriter<byte> to)
    {
        (_plan, _writer, _to) = (plan, writer, to);
        _json = new Utf8JsonWriter(to, ApiJson.Writing);
        _progress = new ChoiceProgress(plan);
    }

    public bool Complete => _progress.Complete;

    /// <summary>Who speaks, for a caller who has not been told.</summary>
    public void Open()
    {
        if (!_writer.HasOpening || _plan.Next is not null)
            return;
        for (int i = 0; i < _plan.AllChoices; i++)
            WriteChunk(i, "", [], null, Piece.Opening, withId: true);
    }

    /// <exception cref="ApiException">The stream failed.</exception>
    public void Take(Arrival arrival)
    {
        switch (arrival.Happened)
        {
            case StreamEvent.Prompt prompt:
                int first = _progress.ChoiceOf(arrival.Prompt, 0);
                for (int i = first; i < first + _plan.Choices; i++)
                    if (_progress.Take(i, prompt) is { } tokens)
                        WriteChunk(i, string.Concat(tokens.Select(t => t.Text)), tokens, null, Piece.Middle, withId: false);
                break;
            case StreamEvent.Token token:
                int choice = _progress.ChoiceOf(arrival.Prompt, token.Choice);
                if (_progress.Take(choice, token) is { } one)
                    WriteChunk(choice, one.Text, [one], null, Piece.Middle, withId: true);
                break;
            case StreamEvent.Finished finished:
                int ended = _progress.ChoiceOf(arrival.Prompt, finished.Choice);
                var (text, reason) = _progress.Take(ended, finished);
                WriteChunk(ended, text, [], reason, Piece.End, withId: false);
                break;
            case StreamEvent.Failed failed:
                throw new ApiException(ApiError.Of(failed));
        }
    }

    /// <summary>The token counts, if they were asked for, and the word that this is all.</summary>
    public void Close(int promptTokens)
    {
        if (_plan.Request.IncludeUsage)
            Write(() => _writer.WriteUsageChunk(_json, new TokenUsage(promptTokens, _progress.CompletionTokens)));
        _to.Write("data: [DONE]\n\n"u8);
    }

    /// <summary>The last event of a stream that fails.</summary>
    public void Fail(ApiError error) => Write(() => error.WriteTo(_json));

    /// <summary>A comment: keeps what lies between from taking a silent connection for a dead one.</summary>
    public void KeepAlive() => _to.Write(": waiting\n\n"u8);

    public void Dispose() => _json.Dispose();

    private void WriteChunk(
        int choice, string text, IReadOnlyList<AnswerToken> tokens, FinishReason? reason, Piece piece, bool withId)
    {
        if (withId)
        {
            _to.Write("id: "u8);
            Encoding.ASCII.GetBytes(LastEvent.IdOf(_plan.Session, _progress.Sent), _to);
            _to.Write("\n"u8);
        }
        Write(() => _writer.WriteChunk(_json, _plan.Request.IncludeUsage, json => _writer.WriteChoice(json, choice, text, tokens, reason, piece)));
    }

    private void Write(Action write)
    {
        _to.Write("data: "u8);
        _json.Reset(_to);
        write();
        _json.Flush();
        _to.Write("\n\n"u8);
    }
}
