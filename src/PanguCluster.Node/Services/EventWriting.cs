using Google.Protobuf.Collections;
using Pangu.V1;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Node.Services;

/// <summary>Stream events as the wire has them. Pure.</summary>
public static class EventWriting
{
    /// <summary>The event's message; null for a failure, which is a status and no message.</summary>
    public static GenerateEvent? ToWire(StreamEvent happened) => happened switch
    {
        StreamEvent.Accepted a => new GenerateEvent
        {
            Accepted = new Accepted { SessionId = a.SessionId, Seed = a.Seed, Model = a.Model, PromptTokens = a.PromptTokens },
        },
        StreamEvent.Prompt p => new GenerateEvent { Prompt = new Prompt { Tokens = { p.Tokens.Select(PromptToken) } } },
        StreamEvent.Token t => new GenerateEvent { Token = Token(t) },
        StreamEvent.Finished f => new GenerateEvent
        {
            Finished = new Finished
            {
                Choice = f.Choice,
                Reason = Reason(f.Reason),
                Text = f.Text,
                Usage = new Usage { PromptTokens = f.PromptTokens, GeneratedTokens = f.GeneratedTokens },
            },
        },
        _ => null,
    };

    private static Token Token(StreamEvent.Token happened)
    {
        var drawn = happened.Sampled;
        var token = new Token { Choice = happened.Choice, Index = drawn.Index, TokenId = drawn.TokenId, Text = happened.Text };
        if (!float.IsNaN(drawn.Logprob))
            token.Logprob = drawn.Logprob;
        AddTop(token.TopLogprobs, drawn.Top);
        return token;
    }

    private static Pangu.V1.PromptToken PromptToken(Actors.Streams.PromptToken at)
    {
        var token = new Pangu.V1.PromptToken { Index = at.Index, TokenId = at.TokenId, Text = at.Text };
        if (!float.IsNaN(at.Logprob))
            token.Logprob = at.Logprob;
        AddTop(token.TopLogprobs, at.Top);
        return token;
    }

    private static void AddTop(RepeatedField<TopLogprob> to, TokenLogprob[]? top)
    {
        foreach (var one in top ?? [])
            to.Add(new TopLogprob { TokenId = one.TokenId, Logprob = one.Logprob });
    }

    private static Finished.Types.Reason Reason(FinishReason reason) => reason switch
    {
        FinishReason.Stop => Finished.Types.Reason.Stop,
        FinishReason.Length => Finished.Types.Reason.Length,
        FinishReason.Cancelled => Finished.Types.Reason.Cancelled,
        _ => Finished.Types.Reason.Error,
    };
}
