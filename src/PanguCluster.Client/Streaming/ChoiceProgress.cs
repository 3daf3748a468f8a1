using Pangu.V1;

namespace PanguCluster.Client.Streaming;

/// <summary>How far one choice of an answer has come: every index once, in order.</summary>
/// <param name="first">Index of the first token wanted.</param>
internal sealed class ChoiceProgress(int choice, int first)
{
    private readonly List<Fingerprint> _seen = [];
    private Fingerprint? _finished;

    /// <summary>Index of the token that comes next.</summary>
    public int Next => first + _seen.Count;

    public bool IsFinished => _finished is not null;

    /// <summary>Whether the token is the next one. False: a repeat.</summary>
    /// <exception cref="DeterminismException">A repeat that differs, a gap, or a token after the end.</exception>
    public bool Take(Token token)
    {
        if (token.Index > Next)
            throw new DeterminismException($"choice {choice}: token {token.Index} came where {Next} is next");
        // Below what was asked for: nothing is known of it.
        if (token.Index < first)
            return false;
        var print = Fingerprint.Of(token);
        if (token.Index < Next)
        {
            Same($"choice {choice}: token {token.Index} is another one than before", _seen[token.Index - first], print);
            return false;
        }
        if (IsFinished)
            throw new DeterminismException($"choice {choice}: token {token.Index} came after the end");
        _seen.Add(print);
        return true;
    }

    /// <summary>Whether this is the choice's end. False: a repeat.</summary>
    /// <exception cref="DeterminismException">A repeat that differs.</exception>
    public bool Take(Finished finished)
    {
        var print = Fingerprint.Of(finished);
        if (_finished is { } before)
        {
            Same($"choice {choice}: ends otherwise than before", before, print);
            return false;
        }
        _finished = print;
        return true;
    }

    private static void Same(string what, Fingerprint before, Fingerprint now)
    {
        if (before != now)
            throw new DeterminismException(what, Text(before), before.Id == now.Id ? $"{Text(now)} with other text or probabilities" : Text(now));
    }

    private static string Text(Fingerprint print) => $"id {print.Id}";
}
