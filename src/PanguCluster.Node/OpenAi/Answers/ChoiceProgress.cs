using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Node.OpenAi;

/// <summary>
/// What has come of the choices of all prompts: tells events that are new to the caller from replayed ones, and counts characters. Pure.
/// </summary>
public sealed class ChoiceProgress(AnswerPlan plan)
{
    private readonly int[] _next = plan.Next ?? new int[plan.AllChoices];
    private readonly int[] _sent = [.. plan.Next ?? new int[plan.AllChoices]];
    private readonly int[] _offsets = new int[plan.AllChoices];
    private int _ended;
    private int _completionTokens;

    /// <summary>Tokens that the caller has, of every choice.</summary>
    public ReadOnlySpan<int> Sent => _sent;

    public bool Complete => _ended == plan.AllChoices;

    /// <summary>Of all choices that have ended; 0 where only the prompt is wanted.</summary>
    public int CompletionTokens => _completionTokens;

    public int ChoiceOf(int prompt, int choice) => prompt * plan.Choices + choice;

    /// <summary>A piece of the echoed prompt, for one choice; null: the caller has it.</summary>
    public AnswerToken[]? Take(int choice, StreamEvent.Prompt piece)
    {
        var tokens = new AnswerToken[piece.Tokens.Count];
        for (int i = 0; i < tokens.Length; i++)
            tokens[i] = AnswerToken.Of(piece.Tokens[i], Advance(choice, piece.Tokens[i].Text));
        int first = choice - choice % plan.Choices;
        return _next.AsSpan(first, plan.Choices).ContainsAnyExcept(0) ? null : tokens;
    }

    /// <summary>A token; null: the caller has it, or does not want it.</summary>
    public AnswerToken? Take(int choice, StreamEvent.Token token)
    {
        if (plan.Request.PromptOnly)
            return null;
        int offset = Advance(choice, token.Text);
        if (token.Sampled.Index < _next[choice])
            return null;
        _sent[choice] = token.Sampled.Index + 1;
        return AnswerToken.Of(token, offset);
    }

    /// <summary>The last text of a choice, and why it ends.</summary>
    /// <exception cref="ApiException">It ended by no end of its own, or before the place the caller goes on from.</exception>
    public (string Text, FinishReason Reason) Take(int choice, StreamEvent.Finished finished)
    {
        if (finished.Reason == FinishReason.Cancelled)
            throw new ApiException(ApiError.Cancelled);
        if (finished.Reason == FinishReason.Error)
            throw new ApiException(ApiError.Internal);
        if (finished.GeneratedTokens < _next[choice])
            throw new ApiException(ApiError.Of(new StreamEvent.Failed(
                FailureKind.OutOfRange, $"{RequestFields.LastEventId}: choice {choice} ended after {finished.GeneratedTokens} tokens")));
        _ended++;
        if (plan.Request.PromptOnly)
            return ("", FinishReason.Length);
        _completionTokens += finished.GeneratedTokens;
        return (finished.Text, finished.Reason);
    }

    /// <returns>Characters before the text.</returns>
    private int Advance(int choice, string text)
    {
        int offset = _offsets[choice];
        foreach (var _ in text.EnumerateRunes())
            _offsets[choice]++;
        return offset;
    }
}
