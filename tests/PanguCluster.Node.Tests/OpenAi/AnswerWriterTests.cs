using System.Buffers;
using System.Text;
using System.Text.Json;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using PanguCluster.Node.OpenAi;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.OpenAi;

public class AnswerWriterTests
{
    private const string Head = "\"created\":9,\"model\":\"test-model\",\"system_fingerprint\":\"fp_aaaaaaaaaa\"";

    /// <summary>Bytes 'h', a half of a character, and a control token, in the test model's ids.</summary>
    private static readonly AnswerToken[] Tokens =
    [
        new(3 + 'h', "h", -0.5f, [new TokenLogprob(3 + 'h', -0.5f), new TokenLogprob(3 + 0xe4, -1.5f)], 0),
        new(2, "", float.NegativeInfinity, [new TokenLogprob(3 + 'h', -0.25f)], 1),
    ];

    private static AnswerHead AnswerHead => new("s1", 9, TestModel.Create());

    private static ChatWriter Chat(bool? logprobs) => new(AnswerHead, new TokenTexts(TestModel.Create().Codec), logprobs);

    private static CompletionWriter Completion(bool? logprobs) => new(AnswerHead, new TokenTexts(TestModel.Create().Codec), logprobs);

    private static string Written(Action<Utf8JsonWriter> write)
    {
        var to = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(to, ApiJson.Writing))
            write(json);
        return Encoding.UTF8.GetString(to.WrittenSpan);
    }

    [Fact]
    public void Chat_should_be_one_object_when_it_is_whole() => Assert.Equal(
        "{\"id\":\"chatcmpl-s1\",\"object\":\"chat.completion\"," + Head + ",\"choices\":["
        + "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"h\\u0022é<\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        + "\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2,\"total_tokens\":6}}",
        Written(json => Chat(false).WriteWhole(json, [new ChoiceText("h\"é<", Tokens, FinishReason.Stop)], new TokenUsage(4, 2)))
            .Replace("\\\"", "\\u0022", StringComparison.Ordinal));

    [Theory]
    [InlineData(Piece.Opening, "", null, "{\"role\":\"assistant\",\"content\":\"\"}", "null")]
    [InlineData(Piece.Middle, "x", null, "{\"content\":\"x\"}", "null")]
    [InlineData(Piece.Middle, "", null, "{\"content\":\"\"}", "null")]
    [InlineData(Piece.End, "", FinishReason.Length, "{}", "\"length\"")]
    [InlineData(Piece.End, "y", FinishReason.Stop, "{\"content\":\"y\"}", "\"stop\"")]
    public void Chat_chunk_should_bring_a_delta_when_a_piece_comes(Piece piece, string text, FinishReason? reason, string delta, string finish)
    {
        string choices = "\"choices\":[{\"index\":1,\"delta\":" + delta + ",\"logprobs\":null,\"finish_reason\":" + finish + "}]";
        string chunk = "{\"id\":\"chatcmpl-s1\",\"object\":\"chat.completion.chunk\"," + Head + "," + choices;

        string Made(bool tellsUsage) => Written(json =>
            Chat(true).WriteChunk(json, tellsUsage, to => Chat(true).WriteChoice(to, 1, text, [], reason, piece)));

        Assert.Equal(chunk + "}", Made(false));
        Assert.Equal(chunk + ",\"usage\":null}", Made(true));
    }

    [Fact]
    public void Chat_logprobs_should_tell_text_and_bytes_of_every_token_when_they_are_asked_for()
    {
        var choice = JsonDocument.Parse(Written(json => Chat(true).WriteChoice(json, 0, "h", Tokens, null, Piece.Middle))).RootElement;

        Assert.Equal("""
            [{"token":"h","logprob":-0.5,"bytes":[104],"top_logprobs":[{"token":"h","logprob":-0.5,"bytes":[104]},{"token":"bytes:\\xe4","logprob":-1.5,"bytes":[228]}]},{"token":"token_id:2","logprob":-9999,"bytes":null,"top_logprobs":[{"token":"h","logprob":-0.25,"bytes":[104]}]}]
            """, choice.GetProperty("logprobs").GetProperty("content").GetRawText());
    }

    [Fact]
    public void Completion_logprobs_should_be_four_lists_when_they_are_asked_for()
    {
        AnswerToken[] tokens = [new(1, "", float.NaN, null, 0), .. Tokens];

        var choice = JsonDocument.Parse(Written(json => Completion(true).WriteChoice(json, 0, "h", tokens, FinishReason.Length, Piece.Whole))).RootElement;

        Assert.Equal("""
            {"tokens":["token_id:1","h","token_id:2"],"token_logprobs":[null,-0.5,-9999],"top_logprobs":[null,{"h":-0.5,"bytes:\\xe4":-1.5},{"h":-0.25,"token_id:2":-9999}],"text_offset":[0,0,1]}
            """, choice.GetProperty("logprobs").GetRawText());
        Assert.Equal(("h", "length"), (choice.GetProperty("text").GetString(), choice.GetProperty("finish_reason").GetString()));
    }

    [Theory]
    [InlineData(false, -0.5f, false)]
    [InlineData(true, float.NaN, true)]
    [InlineData(null, -0.5f, true)]
    [InlineData(null, float.NaN, false)]
    public void Logprobs_should_be_there_when_they_were_asked_for_or_nobody_said(bool? wanted, float logprob, bool there)
    {
        var choice = JsonDocument.Parse(Written(json =>
            Completion(wanted).WriteChoice(json, 0, "x", [new AnswerToken(3 + 'x', "x", logprob, null, 0)], null, Piece.Middle))).RootElement;

        Assert.Equal(there, choice.GetProperty("logprobs").ValueKind == JsonValueKind.Object);
    }

    [Fact]
    public void Token_texts_should_all_differ_when_the_vocabulary_is_shown()
    {
        var texts = new TokenTexts(TestModel.Create().Codec);

        Assert.Equal(TestModel.Vocab, Enumerable.Range(0, TestModel.Vocab).Select(texts.TextOf).Distinct().Count());
        Assert.Equal("token_id:104", new TokenTexts(null).TextOf(104));
    }
}
