namespace PanguCluster.Actors.Streams;

internal enum LedgerEntry
{
    /// <summary>The next token: show it.</summary>
    Next,

    /// <summary>Known already, and equal.</summary>
    Repeat,

    /// <summary>Known already, and different: two decoders disagree, which the numerics contract rules out.</summary>
    Violation,

    /// <summary>Something before it never came.</summary>
    Gap,
}

/// <summary>The tokens of one answer so far. Several decoders may deliver; the first to bring an index wins.</summary>
internal sealed class TokenLedger
{
    private readonly List<int> _tokens = [];

    public int Count => _tokens.Count;

    public int[] ToArray() => [.. _tokens];

    public LedgerEntry Take(int index, int tokenId)
    {
        if (index < 0 || index > _tokens.Count)
            return LedgerEntry.Gap;
        if (index < _tokens.Count)
            return _tokens[index] == tokenId ? LedgerEntry.Repeat : LedgerEntry.Violation;
        _tokens.Add(tokenId);
        return LedgerEntry.Next;
    }
}
