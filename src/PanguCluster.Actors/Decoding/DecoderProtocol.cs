using Akka.Actor;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Wire;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Decoding;

/// <summary>What streams and decoders say to each other, on one node or on two.</summary>
public static class DecoderProtocol
{
    public interface IMessage : IWireMessage
    {
        SequenceId Id { get; }
    }

    /// <param name="Stream">Gets the reply; watched: when it dies the sequence is cancelled.</param>
    /// <param name="Inbox">Gets the tokens of a remote stream, those of all streams of its node in one message per step.</param>
    public sealed record SubmitSequence(SequenceRequest Request, IActorRef Stream, IActorRef Inbox) : IMessage
    {
        public SequenceId Id => Request.Id;
    }

    public sealed record SubmitReply(SequenceId Id, SubmitOutcome Outcome) : IMessage;

    public sealed record CancelSequence(SequenceId Id) : IMessage;

    /// <summary>A piece of the prompt, a token or the end of one sequence.</summary>
    public interface ISequenceEvent : IMessage;

    /// <summary>The next tokens of the prompt with their log probabilities, if the request asked for them.</summary>
    public sealed record SequencePrompt(SequenceId Id, IReadOnlyList<ScoredToken> Tokens) : ISequenceEvent;

    public sealed record SequenceToken(SequenceId Id, SampledToken Token) : ISequenceEvent;

    /// <param name="Failure">Set when the decoder gave the sequence up; null after a regular end.</param>
    public sealed record SequenceEnded(
        SequenceId Id, FinishReason Reason, int PromptTokens, int GeneratedTokens, string? Detail, FailureKind? Failure = null) : ISequenceEvent;

    /// <summary>What one step brought to the streams of one remote node, in order.</summary>
    public sealed record StepResults(IReadOnlyList<ISequenceEvent> Events) : IWireMessage;
}
