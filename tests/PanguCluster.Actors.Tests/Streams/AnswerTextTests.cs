using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Tokenization;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

public sealed class AnswerTextTests
{
    private static readonly PanguTokenizer Tokenizer = PanguTokenizer.Open(RepositoryFiles.Path("models", "pangu-nano"));

    [Theory]
    [InlineData("The quick brown fox, naïve 漢字 \U0001F600!", "", "The quick brown fox, naïve 漢字 \U0001F600!")]
    [InlineData("one two STOP three", "STOP", "one two ")]
    [InlineData("one two STO", "STOP", "one two STO")]
    public void Text_should_be_the_answer_up_to_a_stop_string(string answer, string stop, string expected)
    {
        var text = new AnswerText(Tokenizer, stop.Length == 0 ? [] : [stop]);
        string shown = "";
        foreach (int id in Tokenizer.Encode(answer, addBos: false))
        {
            shown += text.Push(id);
            if (text.Stopped)
                break;
        }
        shown += text.End();

        Assert.Equal(expected, shown.TrimStart(' '));
        Assert.Equal(answer.Contains("STOP", StringComparison.Ordinal), text.Stopped);
    }

    [Fact]
    public void Text_should_be_empty_when_the_model_has_no_tokenizer() => Assert.Equal("", new AnswerText(null, ["x"]).Push(5));
}
