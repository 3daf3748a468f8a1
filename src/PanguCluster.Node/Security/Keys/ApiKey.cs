namespace PanguCluster.Node.Security;

/// <summary>One key as the key file has it: everything but the key.</summary>
/// <param name="Id">1 .. 32 of a-z 0-9; never given to another key, since recorded sessions belong to it.</param>
/// <param name="Name">Whose it is, 1 .. 64 characters.</param>
/// <param name="Sha256">Hash of the key, 64 hex digits.</param>
/// <param name="MaxSessions">Most running sessions at once on each node; null: no limit.</param>
/// <param name="TokensPerMinute">Most tokens of prompts and answers together on each node; null: no limit.</param>
/// <param name="Revoked">When it was revoked; null: it is in use.</param>
public sealed record ApiKey(
    string Id, string Name, KeyRole Role, string Sha256, DateTimeOffset Created, int? MaxSessions = null, int? TokensPerMinute = null,
    DateTimeOffset? Revoked = null)
{
    public const int MaxSessionsLimit = 100_000;
    public const int TokensPerMinuteLimit = 1_000_000_000;
    public const int LongestName = 64;

    /// <summary>What is wrong with a field, beginning with its name; null: nothing.</summary>
    public string? Problem()
    {
        if (Id is not { Length: >= 1 and <= 32 } || !Id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c)))
            return "id: expected 1 .. 32 of a-z 0-9";
        if (Name is not { Length: >= 1 and <= LongestName } || Name.Any(char.IsControl))
            return $"name: expected 1 .. {LongestName} printable characters";
        if (!Enum.IsDefined(Role))
            return "role: expected client or operator";
        if (Sha256 is not { Length: 64 } || !Sha256.All(char.IsAsciiHexDigit))
            return "sha256: expected 64 hex digits";
        if (MaxSessions is < 1 or > MaxSessionsLimit)
            return $"max_sessions: {MaxSessions}; expected 1 .. {MaxSessionsLimit}";
        return TokensPerMinute is < 1 or > TokensPerMinuteLimit
            ? $"tokens_per_minute: {TokensPerMinute}; expected 1 .. {TokensPerMinuteLimit}"
            : null;
    }
}
