using Akka.Actor;
using Akka.Event;
using Akka.Remote;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>
/// Parent of a node's streams: finds the stream of a session, is the inbox for what decoders of other nodes produce, and watches those decoders.
/// </summary>
internal sealed class StreamSupervisor : UntypedActor
{
    public const string Name = "pangu-streams";

    private readonly StreamSettings _settings;
    private readonly GenerationGateway _gateway;
    private readonly DecoderWatch _watch;
    private readonly Dictionary<SequenceId, (IActorRef Stream, IActorRef Decoder)> _expected = [];
    private readonly Dictionary<string, IActorRef> _bySession = [];
    private readonly Dictionary<IActorRef, string> _streams = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HandOverQueue _handOvers;
    private readonly Action _decodersChanged;
    private ICancelable? _tick;

    public StreamSupervisor(StreamSettings settings, GenerationGateway gateway)
    {
        _settings = settings;
        _gateway = gateway;
        _watch = new DecoderWatch(settings, ((ExtendedActorSystem)Context.System).Provider, Self);
        _handOvers = new HandOverQueue(settings.Options.HandOvers);
        var self = Self;
        _decodersChanged = () => self.Tell(StreamProtocol.DecodersChanged.Instance, self);
    }

    protected override void PreStart()
    {
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        Context.System.EventStream.Subscribe(Self, typeof(AssociationErrorEvent));
        var every = _settings.Options.Pulse;
        _tick = Context.System.Scheduler.ScheduleTellRepeatedlyCancelable(every, every, Self, StreamProtocol.Tick.Instance, Self);
        _settings.View.DecodersChanged += _decodersChanged;
        _gateway.Open(Self);
    }

    protected override void PostStop()
    {
        _gateway.Close();
        _settings.View.DecodersChanged -= _decodersChanged;
        _tick?.Cancel();
        Context.System.EventStream.Unsubscribe(Self);
    }

    // A stream that fails ends its own call, with an event that says so.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case DecoderProtocol.StepResults results:
                foreach (var e in results.Events)
                    Forward(e);
                break;
            case StreamProtocol.ISeatCall call:
                OnCall(call);
                break;
            case StreamProtocol.CancelSession cancel:
                OnCancel(cancel);
                break;
            case StreamProtocol.CancelRecorded cancel:
                CancelRecorded(cancel.Wish);
                break;
            case StreamProtocol.Expect expect:
                _expected[expect.Id] = (Sender, expect.Decoder);
                break;
            case StreamProtocol.NoLongerExpect expect:
                _expected.Remove(expect.Id);
                break;
            case StreamProtocol.WantHandOver:
                if (_handOvers.Want(Sender))
                    Sender.Tell(StreamProtocol.HandOverNow.Instance, Self);
                break;
            case StreamProtocol.HandOverDone:
                NextHandOver(Sender);
                break;
            case StreamProtocol.Retiring:
                Release(Sender);
                Sender.Tell(StreamProtocol.Retire.Instance, Self);
                break;
            case Terminated dead:
                Release(dead.ActorRef);
                NextHandOver(dead.ActorRef);
                _streams.Remove(dead.ActorRef);
                break;
            default:
                Watch(message);
                break;
        }
    }

    private void Watch(object message)
    {
        switch (message)
        {
            case StreamProtocol.DecodersChanged:
                TellIf(_watch.Look());
                break;
            case StreamProtocol.Tick:
                TellIf(_watch.Tick([.. _expected.Values.Select(e => e.Decoder).Distinct()]));
                break;
            case PulseProtocol.Pulse pulse:
                Sender.Tell(new PulseProtocol.PulseReply(pulse.Sent), Self);
                break;
            case PulseProtocol.PulseReply reply:
                TellIf(_watch.Heard(Sender.Path.Address, reply.Sent));
                break;
            case DisassociatedEvent gone:
                TellIf(_watch.Broken(gone.RemoteAddress));
                break;
            case AssociationErrorEvent failed:
                TellIf(_watch.Broken(failed.RemoteAddress));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnCall(StreamProtocol.ISeatCall call)
    {
        // Not one that a stream has given back: that was counted.
        if (call is StreamProtocol.Resume && !_streams.ContainsKey(Sender))
            _settings.Counters.Resumed();
        if (_bySession.TryGetValue(call.SessionId, out var running))
            running.Tell(call, Self);
        else if (call is StreamProtocol.Resume && _settings.Sessions is null)
            call.Seat.Refuse(FailureKind.NotFound, "no such session");
        else if (_streams.Count >= _settings.Options.MaxStreams)
            call.Seat.Refuse(FailureKind.Overloaded, $"{_streams.Count} streams are running on this node, the limit is {_settings.Options.MaxStreams}");
        else
        {
            string sessionId = call.SessionId;
            var stream = Context.Watch(Context.ActorOf(Props.Create(() => new StreamActor(_settings, sessionId))));
            _streams.Add(stream, sessionId);
            _bySession.Add(sessionId, stream);
            stream.Tell(call, Self);
        }
    }

    private void OnCancel(StreamProtocol.CancelSession cancel)
    {
        if (_bySession.TryGetValue(cancel.SessionId, out var running))
            running.Tell(cancel, Self);
        else
            CancelRecorded(cancel);
    }

    private void CancelRecorded(StreamProtocol.CancelSession cancel)
    {
        if (_settings.Sessions is not null)
            Context.ActorOf(Props.Create(() => new SessionCancellation(_settings, cancel)));
        else
            cancel.Found.TrySetResult(false);
    }

    private void Release(IActorRef stream)
    {
        if (_streams.TryGetValue(stream, out string? session) && _bySession.TryGetValue(session, out var present) && present.Equals(stream))
            _bySession.Remove(session);
    }

    private void NextHandOver(IActorRef done) => _handOvers.Done(done)?.Tell(StreamProtocol.HandOverNow.Instance, Self);

    private void Forward(DecoderProtocol.ISequenceEvent e)
    {
        if (_expected.TryGetValue(e.Id, out var expected))
            expected.Stream.Tell(e, Sender);
        else if (e is DecoderProtocol.SequenceToken)
            // Its stream has ended; the cancellation may have been lost.
            Sender.Tell(new DecoderProtocol.CancelSequence(e.Id), Self);
    }

    /// <summary>Tells the streams when a decoder they may depend on is in doubt, long before its death watch does.</summary>
    private void TellIf(bool changed)
    {
        if (!changed)
            return;
        _log.Info("the usable decoders have changed; {0} streams are looking whether it was theirs", _streams.Count);
        foreach (var stream in _streams.Keys)
            stream.Tell(StreamProtocol.DecodersChanged.Instance, Self);
    }
}
