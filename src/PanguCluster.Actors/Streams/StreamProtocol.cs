using Akka.Actor;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>Inside one node: gateway to supervisor, supervisor to stream and back.</summary>
internal static class StreamProtocol
{
    public interface IMessage : INoSerializationVerificationNeeded;

    /// <summary>What comes from outside, to a session's stream: a stream that is retiring gives it back, for the session's next one.</summary>
    public interface ICall : IMessage
    {
        string SessionId { get; }
    }

    /// <summary>A caller who wants a place.</summary>
    public interface ISeatCall : ICall
    {
        ClientSeat Seat { get; }
    }

    /// <summary>A caller with a request. To a stream that runs under its session id: joins it, if it is the same request.</summary>
    public sealed record Start(GenerationRequest Request, ClientSeat Seat) : ISeatCall
    {
        public string SessionId => Request.SessionId;
    }

    /// <summary>A caller who is back. To a stream that runs the session: goes on there.</summary>
    public sealed record Resume(ResumeRequest Request, ClientSeat Seat) : ISeatCall
    {
        public string SessionId => Request.SessionId;
    }

    /// <summary>End the session, wherever it runs.</summary>
    public sealed record CancelSession(string SessionId, string Owner, TaskCompletionSource<bool> Found) : ICall;

    /// <summary>From a stream that does not have the session, or not yet: the record knows who has.</summary>
    public sealed record CancelRecorded(CancelSession Wish) : IMessage;

    /// <summary>A caller has gone.</summary>
    /// <param name="Cancel">And wants no more.</param>
    public sealed record SeatLeft(ClientSeat Seat, bool Cancel) : IMessage;

    public sealed record SeatDeadline(ClientSeat Seat) : IMessage;

    /// <summary>Results for this sequence that come from another node go to the sender.</summary>
    public sealed record Expect(SequenceId Id, IActorRef Decoder) : IMessage;

    public sealed record NoLongerExpect(SequenceId Id) : IMessage;

    /// <summary>A stream has done its work: whoever comes for its session now has to find another one.</summary>
    public sealed class Retiring : IMessage
    {
        public static readonly Retiring Instance = new();
    }

    /// <summary>Nobody comes any more.</summary>
    public sealed class Retire : IMessage
    {
        public static readonly Retire Instance = new();
    }

    /// <summary>Which decoders are usable has changed: are yours?</summary>
    public sealed class DecodersChanged : IMessage
    {
        public static readonly DecodersChanged Instance = new();
    }

    /// <summary>From a stream: its decoder is being drained and it wants its turn to leave it.</summary>
    public sealed class WantHandOver : IMessage
    {
        public static readonly WantHandOver Instance = new();
    }

    /// <summary>To that stream: it is its turn, until it says <see cref="HandOverDone"/>.</summary>
    public sealed class HandOverNow : IMessage
    {
        public static readonly HandOverNow Instance = new();
    }

    /// <summary>Its sequences are elsewhere, or cannot be for now.</summary>
    public sealed class HandOverDone : IMessage
    {
        public static readonly HandOverDone Instance = new();
    }

    /// <summary>No caller has come back in time.</summary>
    public sealed class DetachedTooLong : IMessage
    {
        public static readonly DetachedTooLong Instance = new();
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
