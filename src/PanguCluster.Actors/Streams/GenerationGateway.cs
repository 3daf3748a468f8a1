using System.Threading.Channels;
using Akka.Actor;

namespace PanguCluster.Actors.Streams;

/// <summary>Hands calls of the edge to the stream supervisor. Exists before the actor system does; until then it answers Unavailable.</summary>
public sealed class GenerationGateway : IGenerationGateway
{
    /// <summary>Accepted, the end, and two to spare: with every token they always fit, so a slow client never blocks a stream.</summary>
    private const int BesideTokens = 4;

    private IActorRef? _supervisor;

    public IStreamCall Start(GenerationRequest request)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(request.MaxTokens, 1);
        ArgumentOutOfRangeException.ThrowIfZero(request.Prompt.Length);
        var channel = Channel.CreateBounded<StreamEvent>(new BoundedChannelOptions(checked(request.MaxTokens + BesideTokens))
        {
            SingleReader = true,
            SingleWriter = false,
        });
        var call = new StreamCall(channel.Reader);
        if (Volatile.Read(ref _supervisor) is { } supervisor)
            supervisor.Tell(new StreamProtocol.Start(request, channel.Writer, call.Ended), ActorRefs.NoSender);
        else
            Refuse(channel.Writer, FailureKind.Unavailable, "this node is starting or stopping");
        return call;
    }

    public IStreamCall Resume(ResumeRequest request)
    {
        var channel = Channel.CreateBounded<StreamEvent>(BesideTokens);
        Refuse(channel.Writer, FailureKind.NotFound, "no such session");
        return new StreamCall(channel.Reader);
    }

    public Task<bool> CancelAsync(string sessionId, string owner, CancellationToken cancellation) => Task.FromResult(false);

    internal void Open(IActorRef supervisor) => Volatile.Write(ref _supervisor, supervisor);

    internal void Close() => Volatile.Write(ref _supervisor, null);

    internal static void Refuse(ChannelWriter<StreamEvent> writer, FailureKind kind, string message)
    {
        writer.TryWrite(new StreamEvent.Failed(kind, message));
        writer.TryComplete();
    }

    private sealed class StreamCall(ChannelReader<StreamEvent> events) : IStreamCall
    {
        private readonly CancellationTokenSource _ended = new();

        public CancellationToken Ended => _ended.Token;

        public ChannelReader<StreamEvent> Events => events;

        public void Leave() => _ended.Cancel();

        public void Cancel() => _ended.Cancel();

        public void Dispose() => Leave();
    }
}
