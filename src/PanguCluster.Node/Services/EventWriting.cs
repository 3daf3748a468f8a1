using Pangu.V1;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;

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
        foreach (var top in drawn.Top ?? [])
            token.TopLogprobs.Add(new TopLogprob { TokenId = top.TokenId, Logprob = top.Logprob });
        return token;
    }

    private static Finished.Types.Reason Reason(FinishReason reason) => reason switch
    {
        FinishReason.Stop => Finished.Types.Reason.Stop,
        FinishReason.Length => Finished.Types.Reason.Length,
        FinishReason.Cancelled => Finished.Types.Reason.Cancelled,
        _ => Finished.Types.Reason.Error,
    };
}
