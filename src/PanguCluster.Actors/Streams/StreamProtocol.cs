using System.Threading.Channels;
using Akka.Actor;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>Inside one node: gateway to supervisor, supervisor to stream.</summary>
internal static class StreamProtocol
{
    public interface IMessage : INoSerializationVerificationNeeded;

    public sealed record Start(GenerationRequest Request, ChannelWriter<StreamEvent> Writer, CancellationToken Cancellation) : IMessage;

    /// <summary>Results for this sequence that come from another node go to the sender.</summary>
    public sealed record Expect(SequenceId Id) : IMessage;

    public sealed record NoLongerExpect(SequenceId Id) : IMessage;

    /// <summary>A decoder has gone from the view: is it yours?</summary>
    public sealed class DecodersChanged : IMessage
    {
        public static readonly DecodersChanged Instance = new();
    }

    public sealed class ClientGone : IMessage
    {
        public static readonly ClientGone Instance = new();
    }

    public sealed class DeadlinePassed : IMessage
    {
        public static readonly DeadlinePassed Instance = new();
    }

    public sealed class PlaceAgain : IMessage
    {
        public static readonly PlaceAgain Instance = new();
    }

    public sealed record SubmitTimedOut(SequenceId Id) : IMessage;

    public sealed class Tick : IMessage
    {
        public static readonly Tick Instance = new();
    }
}
