using PanguCluster.Actors.Streams;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Node.OpenAi;

/// <summary>A token of a prompt or an answer on its way out.</summary>
/// <param name="Text">Text that it completes.</param>
/// <param name="Logprob">NaN for the first token of a prompt, and where none are asked for.</param>
/// <param name="Top">Most likely tokens at this position, most likely first, or null.</param>
/// <param name="Offset">Characters (Unicode code points) before its text.</param>
public readonly record struct AnswerToken(int TokenId, string Text, float Logprob, TokenLogprob[]? Top, int Offset)
{
    public static AnswerToken Of(PromptToken token, int offset) => new(token.TokenId, token.Text, token.Logprob, token.Top, offset);

    public static AnswerToken Of(StreamEvent.Token token, int offset) =>
        new(token.Sampled.TokenId, token.Text, token.Sampled.Logprob, token.Sampled.Top, offset);
}
