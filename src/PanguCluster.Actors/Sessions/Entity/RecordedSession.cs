using System.Collections.Immutable;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Sessions;

/// <summary>The recorded part of one choice.</summary>
/// <param name="End">Null: not ended.</param>
public sealed record ChoiceRecord(ImmutableList<RecordedToken> Tokens, RecordedEnd? End)
{
    public static ChoiceRecord Empty { get; } = new(ImmutableList<RecordedToken>.Empty, null);
}

/// <summary>What becomes of tokens that a stream reports.</summary>
public enum TokenStep
{
    /// <summary>They cannot be of this session.</summary>
    Ignore,

    /// <summary>A later stream has the session.</summary>
    Superseded,

    /// <summary>The choice has ended, and stays as it is.</summary>
    Ended,

    /// <summary>All recorded, or tokens before them are missing: the stream goes on from where the record is.</summary>
    NothingNew,

    /// <summary>Something to record.</summary>
    New,
}

/// <param name="Fresh">Tokens that are not recorded yet.</param>
/// <param name="Differs">Index of the first token that is recorded with another id: a determinism violation, and never overwritten.</param>
public readonly record struct TokenVerdict(TokenStep Step, IReadOnlyList<RecordedToken> Fresh, int? Differs);

/// <summary>A session as its events tell it. Immutable; <see cref="Apply"/> reads no clock and nothing else from outside.</summary>
/// <param name="Attempt">Of the stream that has it, or had it last.</param>
/// <param name="ActiveAt">Time of the last event.</param>
/// <param name="EndedAt">When the last choice ended.</param>
public sealed record RecordedSession(
    SessionRecord Request, ImmutableArray<ChoiceRecord> Choices, int Attempt, int Resumes, string NodeId, DateTimeOffset ActiveAt,
    DateTimeOffset? EndedAt)
{
    public bool Ended => EndedAt is not null;

    public int GeneratedTokens => Choices.Sum(c => c.Tokens.Count);

    /// <param name="attended">Whether a stream is at work on it.</param>
    public SessionState State(bool attended)
    {
        if (!Ended)
            return attended ? SessionState.Running : SessionState.Interrupted;
        if (Choices.Any(c => c.End!.Reason == FinishReason.Error))
            return SessionState.Failed;
        return Choices.Any(c => c.End!.Reason == FinishReason.Cancelled) ? SessionState.Cancelled : SessionState.Finished;
    }

    /// <summary>Judges what a stream reports of a choice.</summary>
    /// <param name="ends">The tokens are the choice's last ones.</param>
    public TokenVerdict Judge(int attempt, int choice, int firstIndex, IReadOnlyList<RecordedToken> tokens, bool ends)
    {
        if (choice < 0 || choice >= Choices.Length || firstIndex < 0 || (long)firstIndex + tokens.Count > Request.MaxTokens)
            return new TokenVerdict(TokenStep.Ignore, [], null);
        if (attempt < Attempt)
            return new TokenVerdict(TokenStep.Superseded, [], null);
        var known = Choices[choice].Tokens;
        int overlap = Math.Clamp(known.Count - firstIndex, 0, tokens.Count);
        int? differs = null;
        for (int i = 0; i < overlap && differs is null; i++)
            if (known[firstIndex + i].TokenId != tokens[i].TokenId)
                differs = firstIndex + i;
        if (Choices[choice].End is not null)
            return new TokenVerdict(TokenStep.Ended, [], differs);
        if (firstIndex > known.Count || (overlap == tokens.Count && !ends))
            return new TokenVerdict(TokenStep.NothingNew, [], differs);
        return new TokenVerdict(TokenStep.New, [.. tokens.Skip(overlap)], differs);
    }

    /// <param name="session">Null before the first event.</param>
    public static RecordedSession Apply(RecordedSession? session, ISessionEvent e) => (session, e) switch
    {
        (null, Accepted a) => new RecordedSession(
            a.Request, [.. Enumerable.Repeat(ChoiceRecord.Empty, a.Request.Choices)], 1, 0, a.NodeId, a.At, null),
        ({ } s, Attached a) => s with
        {
            Attempt = Math.Max(a.Attempt, s.Attempt), Resumes = s.Resumes + (a.Resume ? 1 : 0), NodeId = a.NodeId, ActiveAt = a.At,
        },
        ({ } s, TokensRecorded t) => s.Extend(t.Choice, t.FirstIndex, t.Tokens, null) with { ActiveAt = t.At },
        ({ } s, ChoiceEnded t) => s.Extend(t.Choice, t.FirstIndex, t.Tokens, t.End).EndIfComplete(t.At),
        _ => throw new InvalidOperationException($"{e.GetType().Name} cannot come {(session is null ? "first" : "after the first event")}"),
    };

    public static RecordedSession Of(SessionSnapshot s) => new(
        s.Request, [.. s.Choices.Select(c => new ChoiceRecord([.. c.Tokens], c.End))], s.Attempt, s.Resumes, s.NodeId, s.ActiveAt, s.EndedAt);

    public SessionSnapshot ToSnapshot() => new(
        Request, [.. Choices.Select(c => new RecordedChoice(c.Tokens, c.Tokens.Count, c.End))], Attempt, Resumes, NodeId, ActiveAt, EndedAt);

    /// <summary>
    /// While a shard moves away from a node that hangs, two actors of one session may write in turn. What does not follow from the record is left out: a
    /// token is a pure function, so the next stream computes it again, where a session that cannot be read would be lost.
    /// </summary>
    private RecordedSession Extend(int choice, int firstIndex, IReadOnlyList<RecordedToken> tokens, RecordedEnd? end)
    {
        var c = Choices[choice];
        int repeated = c.Tokens.Count - firstIndex;
        if (c.End is not null || repeated < 0 || repeated > tokens.Count)
            return this;
        return this with { Choices = Choices.SetItem(choice, new ChoiceRecord(c.Tokens.AddRange(tokens.Skip(repeated)), end)) };
    }

    private RecordedSession EndIfComplete(DateTimeOffset at) =>
        this with { ActiveAt = at, EndedAt = Choices.All(c => c.End is not null) ? at : null };
}
