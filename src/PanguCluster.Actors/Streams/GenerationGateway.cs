using Akka.Actor;
using PanguCluster.Actors.Sessions;

namespace PanguCluster.Actors.Streams;

/// <summary>Hands calls of the edge to the stream supervisor. Exists before the actor system does; until then it answers Unavailable.</summary>
public sealed class GenerationGateway : IGenerationGateway
{
    private IActorRef? _supervisor;

    public IStreamCall Start(GenerationRequest request)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(request.MaxTokens, 1);
        ArgumentOutOfRangeException.ThrowIfZero(request.Prompt.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Choices, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(request.Choices, SessionRecord.MaxChoices);
        var seat = new ClientSeat(request.Deadline);
        return Seated(seat, new StreamProtocol.Start(request, seat));
    }

    public IStreamCall Resume(ResumeRequest request)
    {
        var seat = new ClientSeat(request.Deadline);
        return Seated(seat, new StreamProtocol.Resume(request, seat));
    }

    public async Task<bool> CancelAsync(string sessionId, string owner, CancellationToken cancellation)
    {
        if (Volatile.Read(ref _supervisor) is not { } supervisor)
            throw new SessionsUnavailableException(NotRunning);
        var found = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        supervisor.Tell(new StreamProtocol.CancelSession(sessionId, owner, found), ActorRefs.NoSender);
        return await found.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    internal void Open(IActorRef supervisor) => Volatile.Write(ref _supervisor, supervisor);

    internal void Close() => Volatile.Write(ref _supervisor, null);

    private const string NotRunning = "this node is starting or stopping";

    private ClientSeat Seated(ClientSeat seat, StreamProtocol.IMessage call)
    {
        if (Volatile.Read(ref _supervisor) is { } supervisor)
            supervisor.Tell(call, ActorRefs.NoSender);
        else
            seat.Refuse(FailureKind.Unavailable, NotRunning);
        return seat;
    }
}
