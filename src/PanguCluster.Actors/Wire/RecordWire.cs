using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Wire;

/// <summary>The parts that messages to a session and its events on disk have in common, as protobuf. Reading validates.</summary>
internal static class RecordWire
{
    public static Proto.SessionRecord Write(SessionRecord r) => new()
    {
        Prompt = { r.Prompt }, MaxTokens = r.MaxTokens, Sampling = SequenceWire.Write(r.Sampling), SeedPicked = r.SeedPicked,
        StopStrings = { r.StopStrings }, StopTokenIds = { r.StopTokenIds }, Choices = r.Choices, Echo = r.Echo, Detached = r.Detached,
        Owner = r.Owner, ModelDigest = r.ModelDigest, NumericsVersion = r.NumericsVersion, AcceptedUnixMs = r.AcceptedAt.ToUnixTimeMilliseconds(),
    };

    public static SessionRecord Read(Proto.SessionRecord? r)
    {
        if (r is null || r.Prompt.Count == 0)
            throw new FormatException("session without a prompt");
        if (r.MaxTokens < 1 || r.Choices is < 1 or > SessionRecord.MaxChoices)
            throw new FormatException($"session with max_tokens {r.MaxTokens}, choices {r.Choices}");
        return new SessionRecord(
            [.. r.Prompt], r.MaxTokens, SequenceWire.ReadSampling(r.Sampling), r.SeedPicked, [.. r.StopStrings], [.. r.StopTokenIds],
            r.Choices, r.Echo, r.Detached, r.Owner, r.ModelDigest, r.NumericsVersion, ReadTime(r.AcceptedUnixMs));
    }

    public static DateTimeOffset ReadTime(long unixMs) => unixMs is >= 0 and <= 253402300799999
        ? DateTimeOffset.FromUnixTimeMilliseconds(unixMs)
        : throw new FormatException($"time {unixMs} ms is out of range");

    public static Proto.RecordedTokens Write(IReadOnlyList<RecordedToken> tokens)
    {
        var message = new Proto.RecordedTokens();
        bool logprobs = tokens.Any(t => !float.IsNaN(t.Logprob));
        bool tops = tokens.Any(t => t.Top is not null);
        foreach (var token in tokens)
        {
            message.TokenIds.Add(token.TokenId);
            if (logprobs)
                message.Logprobs.Add(token.Logprob);
            if (!tops)
                continue;
            message.TopCounts.Add(token.Top is null ? 0 : token.Top.Length + 1);
            foreach (var top in token.Top ?? [])
            {
                message.TopIds.Add(top.TokenId);
                message.TopLogprobs.Add(top.Logprob);
            }
        }
        return message;
    }

    public static RecordedToken[] Read(Proto.RecordedTokens? m)
    {
        if (m is null)
            return [];
        int count = m.TokenIds.Count;
        if ((m.Logprobs.Count != 0 && m.Logprobs.Count != count) || (m.TopCounts.Count != 0 && m.TopCounts.Count != count)
            || m.TopIds.Count != m.TopLogprobs.Count || m.TopCounts.Any(c => c < 0)
            || m.TopCounts.Sum(c => (long)Math.Max(c - 1, 0)) != m.TopIds.Count)
            throw new FormatException("columns of recorded tokens differ in length");
        var tokens = new RecordedToken[count];
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            TokenLogprob[]? top = null;
            if (m.TopCounts.Count != 0 && m.TopCounts[i] > 0)
            {
                top = new TokenLogprob[m.TopCounts[i] - 1];
                for (int k = 0; k < top.Length; k++, at++)
                    top[k] = new TokenLogprob(m.TopIds[at], m.TopLogprobs[at]);
            }
            tokens[i] = new RecordedToken(m.TokenIds[i], m.Logprobs.Count == 0 ? float.NaN : m.Logprobs[i], top);
        }
        return tokens;
    }

    public static Proto.RecordedEnd Write(RecordedEnd end) =>
        new() { Reason = (int)end.Reason, Failure = end.Failure is { } kind ? (int)kind + 1 : 0, Detail = end.Detail };

    public static RecordedEnd Read(Proto.RecordedEnd end) => new(
        SequenceWire.ReadEnum<FinishReason>(end.Reason), end.Failure == 0 ? null : SequenceWire.ReadEnum<FailureKind>(end.Failure - 1), end.Detail);

    public static Proto.RecordedChoice Write(RecordedChoice choice) =>
        new() { Tokens = Write(choice.Tokens), Count = choice.Count, End = choice.End is null ? null : Write(choice.End) };

    public static RecordedChoice Read(Proto.RecordedChoice choice) =>
        new(Read(choice.Tokens), choice.Count, choice.End is null ? null : Read(choice.End));
}
