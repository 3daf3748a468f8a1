using PanguCluster.Actors.Sessions;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Streams;

internal enum TokenEntry
{
    /// <summary>The next token: it is in the transcript now.</summary>
    Next,

    /// <summary>Known already, and equal.</summary>
    Repeat,

    /// <summary>Known already, and different: two decoders disagree, which the numerics contract rules out.</summary>
    Violation,

    /// <summary>Something before it never came.</summary>
    Gap,

    /// <summary>The choice has ended before it.</summary>
    Beyond,
}

/// <summary>One choice of a stream: takes tokens from whoever brings them, in order and once, and knows when the answer is over.</summary>
internal sealed class ChoiceProgress(int choice, int promptTokens, int maxTokens, AnswerText text, Transcript transcript)
{
    private RecordedChoice? _recorded;

    public int Count => transcript.Count(choice);

    /// <summary>How it ended; null while it goes on.</summary>
    public RecordedEnd? End { get; private set; }

    public TokenEntry Take(in SampledToken token)
    {
        int count = Count;
        if (token.Index < 0 || (token.Index > count && End is null))
            return TokenEntry.Gap;
        if (token.Index < count)
            return transcript[choice, token.Index].TokenId == token.TokenId ? TokenEntry.Repeat : TokenEntry.Violation;
        if (End is not null)
            return TokenEntry.Beyond;
        transcript.Add(choice, token, text.Push(token.TokenId));
        if (text.Stopped)
            Finish(new RecordedEnd(FinishReason.Stop));
        else if (Count == maxTokens)
            Finish(new RecordedEnd(FinishReason.Length));
        else
            EndAsRecorded();
        return TokenEntry.Next;
    }

    /// <summary>Takes what the session has. Tokens that it has lost hold of, or that did not fit its message, are computed again.</summary>
    /// <returns>The index of a recorded token that differs from what was computed here; null: none does.</returns>
    public int? Take(RecordedChoice recorded)
    {
        int? violation = null;
        for (int i = 0; i < recorded.Tokens.Count; i++)
        {
            var token = recorded.Tokens[i];
            if (Take(new SampledToken(i, token.TokenId, token.Logprob, token.Top)) == TokenEntry.Violation)
                violation ??= i;
        }
        _recorded = recorded;
        EndAsRecorded();
        return violation;
    }

    public void Finish(RecordedEnd end)
    {
        if (End is not null)
            return;
        End = end;
        if (end.Reason != FinishReason.Error)
            transcript.Finish(new StreamEvent.Finished(choice, end.Reason, text.End(), promptTokens, Count));
    }

    private void EndAsRecorded()
    {
        if (_recorded is { End: { } end } && Count >= _recorded.Count)
            Finish(end);
    }
}
