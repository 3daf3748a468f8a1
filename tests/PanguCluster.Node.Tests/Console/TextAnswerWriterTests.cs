using Pangu.V1;
using PanguCluster.Node.Console;
using Xunit;

namespace PanguCluster.Node.Tests.Console;

public class TextAnswerWriterTests
{
    [Fact]
    public async Task Choices_should_come_one_after_the_other_when_their_tokens_are_mixed()
    {
        string text = await Write(2, Token(1, 0, "x"), Token(0, 0, "a"), Token(1, 1, "y"), End(1), Token(0, 1, "b"), End(0));

        Assert.Equal("--- choice 0 ---\nab\n--- choice 1 ---\nxy\n", text);
    }

    [Fact]
    public async Task Choice_at_turn_should_be_streamed_when_others_are_not_done()
    {
        Assert.Equal("--- choice 0 ---\na", await Write(2, Token(1, 0, "x"), Token(0, 0, "a")));
        Assert.Equal("a\n--- choice 1 ---\nx", await Write(0, Token(1, 0, "x"), Token(0, 0, "a"), End(0)));
    }

    [Fact]
    public async Task Echo_should_flow_into_the_answer_when_there_is_one()
    {
        var prompt = new GenerateEvent { Prompt = new Prompt { Tokens = { new PromptToken { Text = "Once" }, new PromptToken { Index = 1, Text = " upon" } } } };

        Assert.Equal("Once upon a\n", await Write(1, prompt, Token(0, 0, " a"), End(0)));
        Assert.Equal("Once upon\n--- choice 0 ---\n a\n--- choice 1 ---\n b\n", await Write(2, prompt, Token(0, 0, " a"), Token(1, 0, " b"), End(0), End(1)));
    }

    private static GenerateEvent Token(int choice, int index, string text) => new() { Token = new Token { Choice = choice, Index = index, Text = text } };

    private static GenerateEvent End(int choice) => new() { Finished = new Finished { Choice = choice, Reason = Finished.Types.Reason.Stop } };

    private static async Task<string> Write(int choices, params GenerateEvent[] events)
    {
        var output = new StringWriter { NewLine = "\n" };
        var writer = new TextAnswerWriter(output, false, choices);
        foreach (var happened in events)
            await writer.WriteAsync(happened);
        return output.ToString();
    }
}
