using Google.Protobuf;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Wire;

/// <summary>Between the records of <see cref="DecoderProtocol"/> and their protobuf form. Reading validates: a peer is not trusted.</summary>
internal static class SequenceWire
{
    public static ByteString Write(SequenceId id) => ByteString.CopyFrom(id.Value.ToByteArray());

    public static SequenceId ReadId(ByteString bytes) => bytes.Length == 16
        ? new SequenceId(new Guid(bytes.Span))
        : throw new FormatException($"sequence id has {bytes.Length} bytes, expected 16");

    public static Proto.SubmitSequence Write(SequenceRequest request, string stream, string inbox)
    {
        var message = new Proto.SubmitSequence
        {
            Id = Write(request.Id),
            Choice = request.Choice,
            MaxTokens = request.MaxTokens,
            Sampling = Write(request.Sampling),
            Stream = stream,
            Inbox = inbox,
        };
        message.Prompt.AddRange(request.Prompt);
        message.Generated.AddRange(request.Generated);
        message.StopTokenIds.AddRange(request.StopTokenIds);
        if (request.PromptLogprobs >= 0)
            message.PromptLogprobs = request.PromptLogprobs;
        return message;
    }

    public static SequenceRequest Read(Proto.SubmitSequence m)
    {
        if (m.Prompt.Count == 0)
            throw new FormatException("sequence without a prompt");
        if (m.MaxTokens <= 0 || m.Choice < 0)
            throw new FormatException($"sequence with max_tokens {m.MaxTokens}, choice {m.Choice}");
        return new SequenceRequest(
            ReadId(m.Id), [.. m.Prompt], [.. m.Generated], m.Choice, m.MaxTokens, [.. m.StopTokenIds],
            ReadSampling(m.Sampling))
        {
            PromptLogprobs = m.HasPromptLogprobs ? m.PromptLogprobs : -1,
        };
    }

    public static Proto.Sampling Write(SamplingParameters s) => new()
    {
        Temperature = s.Temperature, TopK = s.TopK, TopP = s.TopP, MinP = s.MinP, RepetitionPenalty = s.RepetitionPenalty,
        PresencePenalty = s.PresencePenalty, FrequencyPenalty = s.FrequencyPenalty, Seed = s.Seed, Logprobs = s.Logprobs,
    };

    public static SamplingParameters ReadSampling(Proto.Sampling? s) => s is null
        ? throw new FormatException("no sampling parameters")
        : new SamplingParameters
        {
            Temperature = s.Temperature, TopK = s.TopK, TopP = s.TopP, MinP = s.MinP, RepetitionPenalty = s.RepetitionPenalty,
            PresencePenalty = s.PresencePenalty, FrequencyPenalty = s.FrequencyPenalty, Seed = s.Seed, Logprobs = s.Logprobs,
        };

    public static Proto.StepEvent Write(DecoderProtocol.ISequenceEvent e) => e switch
    {
        DecoderProtocol.SequenceToken t => new Proto.StepEvent { Token = Write(t) },
        DecoderProtocol.SequenceEnded d => new Proto.StepEvent { Ended = Write(d) },
        DecoderProtocol.SequencePrompt p => new Proto.StepEvent { Prompt = Write(p) },
        _ => throw new ArgumentOutOfRangeException(nameof(e), e.GetType().Name, "unknown sequence event"),
    };

    public static DecoderProtocol.ISequenceEvent Read(Proto.StepEvent e) => e.EventCase switch
    {
        Proto.StepEvent.EventOneofCase.Token => Read(e.Token),
        Proto.StepEvent.EventOneofCase.Ended => Read(e.Ended),
        Proto.StepEvent.EventOneofCase.Prompt => Read(e.Prompt),
        _ => throw new FormatException("step event of an unknown kind"),
    };

    public static Proto.SequenceToken Write(DecoderProtocol.SequenceToken t)
    {
        var message = new Proto.SequenceToken
        {
            Id = Write(t.Id), Index = t.Token.Index, TokenId = t.Token.TokenId, Logprob = t.Token.Logprob, HasTop = t.Token.Top is not null,
        };
        foreach (var top in t.Token.Top ?? [])
            message.Top.Add(new Proto.TokenLogprob { TokenId = top.TokenId, Logprob = top.Logprob });
        return message;
    }

    public static DecoderProtocol.SequenceToken Read(Proto.SequenceToken m) =>
        new(ReadId(m.Id), new SampledToken(m.Index, m.TokenId, m.Logprob, ReadTop(m.HasTop, m.Top)));

    public static Proto.SequencePrompt Write(DecoderProtocol.SequencePrompt p)
    {
        var message = new Proto.SequencePrompt { Id = Write(p.Id) };
        foreach (var token in p.Tokens)
        {
            var scored = new Proto.ScoredToken
            {
                Index = token.Index, TokenId = token.TokenId, Logprob = token.Logprob, HasTop = token.Top is not null,
            };
            foreach (var top in token.Top ?? [])
                scored.Top.Add(new Proto.TokenLogprob { TokenId = top.TokenId, Logprob = top.Logprob });
            message.Tokens.Add(scored);
        }
        return message;
    }

    public static DecoderProtocol.SequencePrompt Read(Proto.SequencePrompt m) => new(
        ReadId(m.Id), [.. m.Tokens.Select(t => new ScoredToken(t.Index, t.TokenId, t.Logprob, ReadTop(t.HasTop, t.Top)))]);

    public static Proto.SequenceEnded Write(DecoderProtocol.SequenceEnded e) => new()
    {
        Id = Write(e.Id),
        Reason = (int)e.Reason,
        PromptTokens = e.PromptTokens,
        GeneratedTokens = e.GeneratedTokens,
        Detail = e.Detail ?? "",
        HasDetail = e.Detail is not null,
        Failure = e.Failure is { } kind ? (int)kind + 1 : 0,
    };

    public static DecoderProtocol.SequenceEnded Read(Proto.SequenceEnded m) => new(
        ReadId(m.Id), ReadEnum<FinishReason>(m.Reason), m.PromptTokens, m.GeneratedTokens, m.HasDetail ? m.Detail : null,
        m.Failure == 0 ? null : ReadEnum<FailureKind>(m.Failure - 1));

    private static TokenLogprob[]? ReadTop(bool has, IReadOnlyCollection<Proto.TokenLogprob> top) =>
        has ? [.. top.Select(t => new TokenLogprob(t.TokenId, t.Logprob))] : null;

    public static T ReadEnum<T>(int value) where T : struct, Enum
    {
        var read = (T)Enum.ToObject(typeof(T), value);
        return Enum.IsDefined(read) ? read : throw new FormatException($"{typeof(T).Name} {value} is not known");
    }
}
