using System.Collections.Immutable;

namespace PanguCluster.Actors.Sessions;

/// <summary>Keeps what a session tells a stream inside one message: Akka.Remote drops frames over 1 MiB.</summary>
internal static class MessageSizing
{
    /// <summary>The prompt and the rest of the message have the other half.</summary>
    public const int MaxTokenBytes = 512 * 1024;

    /// <summary>Every choice, with as many tokens from its beginning as all together have room for.</summary>
    public static IReadOnlyList<RecordedChoice> Fit(ImmutableArray<ChoiceRecord> choices)
    {
        int share = MaxTokenBytes / choices.Length;
        return [.. choices.Select(c => new RecordedChoice(Prefix(c.Tokens, share), c.Tokens.Count, c.End))];
    }

    private static IReadOnlyList<RecordedToken> Prefix(ImmutableList<RecordedToken> tokens, int bytes)
    {
        int count = 0;
        foreach (var token in tokens)
        {
            bytes -= Size(token);
            if (bytes < 0)
                return tokens.GetRange(0, count);
            count++;
        }
        return tokens;
    }

    /// <summary>Upper bound: ids take up to 5 bytes, numbers 4, counts 2.</summary>
    private static int Size(RecordedToken token) => 11 + (9 * (token.Top?.Length ?? 0));
}
