using Akka.Actor;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Decoding;

/// <summary>
/// Who gets what a decoder produces. Streams of this process are told at once; those of another node get one message per step, all
/// streams of the node together, because a control message costs a third of a millisecond.
/// </summary>
internal sealed class SequenceClients(IActorRef self) : ITokenSink
{
    private readonly record struct Client(IActorRef Stream, IActorRef Inbox, bool Local);

    private readonly Dictionary<SequenceId, Client> _clients = [];
    private readonly Dictionary<IActorRef, List<DecoderProtocol.ISequenceEvent>> _remote = [];

    public int Count => _clients.Count;

    public IEnumerable<SequenceId> Ids => _clients.Keys;

    /// <summary>Streams whose last sequence has ended since the last call: they need not be watched any more.</summary>
    public List<IActorRef> Finished { get; } = [];

    public void Add(SequenceId id, IActorRef stream, IActorRef inbox) =>
        _clients.Add(id, new Client(stream, inbox, ((IActorRefScope)stream).IsLocal));

    public void Remove(SequenceId id)
    {
        if (_clients.Remove(id, out var client) && !_clients.Values.Any(c => c.Stream.Equals(client.Stream)))
            Finished.Add(client.Stream);
    }

    public SequenceId[] Of(IActorRef stream) => [.. _clients.Where(c => c.Value.Stream.Equals(stream)).Select(c => c.Key)];

    public void OnToken(SequenceId id, in SampledToken token) => Emit(id, new DecoderProtocol.SequenceToken(id, token));

    public void OnPrompt(SequenceId id, ScoredToken[] tokens) => Emit(id, new DecoderProtocol.SequencePrompt(id, tokens));

    public void OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail)
    {
        FailureKind? failure = reason == FinishReason.Error ? FailureKind.Internal : null;
        Emit(id, new DecoderProtocol.SequenceEnded(id, reason, promptTokens, generatedTokens, detail, failure));
        Remove(id);
    }

    /// <summary>The decoder gives every sequence up.</summary>
    public void FailAll(FailureKind kind, string message)
    {
        foreach (var id in _clients.Keys.ToArray())
        {
            Emit(id, new DecoderProtocol.SequenceEnded(id, FinishReason.Error, 0, 0, message, kind));
            Remove(id);
        }
        Flush();
    }

    /// <summary>Sends what the step brought to other nodes.</summary>
    public void Flush()
    {
        foreach (var (inbox, events) in _remote)
            Send(inbox, events);
        // An inbox that has no sequence any more may be a node that has left.
        if (_clients.Count == 0 && _remote.Count > 0)
            _remote.Clear();
    }

    private void Emit(SequenceId id, DecoderProtocol.ISequenceEvent e)
    {
        if (!_clients.TryGetValue(id, out var client))
            return;
        if (client.Local)
        {
            client.Stream.Tell(e, self);
            return;
        }
        if (!_remote.TryGetValue(client.Inbox, out var events))
            _remote[client.Inbox] = events = [];
        // A piece of a prompt is many tokens: it travels alone, so that no message outgrows a frame.
        if (e is DecoderProtocol.SequencePrompt)
            Send(client.Inbox, events);
        events.Add(e);
        if (e is DecoderProtocol.SequencePrompt)
            Send(client.Inbox, events);
    }

    private void Send(IActorRef inbox, List<DecoderProtocol.ISequenceEvent> events)
    {
        if (events.Count == 0)
            return;
        inbox.Tell(new DecoderProtocol.StepResults([.. events]), self);
        events.Clear();
    }
}
