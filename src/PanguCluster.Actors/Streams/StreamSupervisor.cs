using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>Parent of a node's streams, and the inbox for what decoders of other nodes produce for them.</summary>
internal sealed class StreamSupervisor : UntypedActor
{
    private readonly StreamSettings _settings;
    private readonly GenerationGateway _gateway;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<SequenceId, IActorRef> _expected = [];
    private readonly HashSet<IActorRef> _streams = [];
    private ImmutableArray<DecoderNode> _decoders = [];
    private ICancelable? _tick;

    public StreamSupervisor(StreamSettings settings, GenerationGateway gateway)
    {
        _settings = settings;
        _gateway = gateway;
    }

    protected override void PreStart()
    {
        var every = _settings.Options.Retry;
        _tick = Context.System.Scheduler.ScheduleTellRepeatedlyCancelable(every, every, Self, StreamProtocol.Tick.Instance, Self);
        _gateway.Open(Self);
    }

    protected override void PostStop()
    {
        _gateway.Close();
        _tick?.Cancel();
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
            case StreamProtocol.Start start:
                OnStart(start);
                break;
            case StreamProtocol.Expect expect:
                _expected[expect.Id] = Sender;
                break;
            case StreamProtocol.NoLongerExpect expect:
                _expected.Remove(expect.Id);
                break;
            case StreamProtocol.Tick:
                LookAtDecoders();
                break;
            case Terminated dead:
                _streams.Remove(dead.ActorRef);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnStart(StreamProtocol.Start start)
    {
        if (_streams.Count >= _settings.Options.MaxStreams)
        {
            GenerationGateway.Refuse(start.Writer, FailureKind.Overloaded, $"{_streams.Count} streams are running on this node, the limit is {_settings.Options.MaxStreams}");
            return;
        }
        _streams.Add(Context.Watch(Context.ActorOf(Props.Create(() => new StreamActor(_settings, start)))));
    }

    private void Forward(DecoderProtocol.ISequenceEvent e)
    {
        if (_expected.TryGetValue(e.Id, out var stream))
            stream.Tell(e, Sender);
        else if (e is DecoderProtocol.SequenceToken)
            // Its stream has ended; the cancellation may have been lost.
            Sender.Tell(new DecoderProtocol.CancelSequence(e.Id), Self);
    }

    /// <summary>Tells the streams when a decoder they may depend on has gone, long before its death watch does.</summary>
    private void LookAtDecoders()
    {
        var now = _settings.View.Decoders;
        bool gone = _decoders.Any(d => !now.Any(n => n.Decoder.Equals(d.Decoder)));
        _decoders = now;
        if (!gone)
            return;
        _log.Info("a decoder has gone; {0} streams are looking whether it was theirs", _streams.Count);
        foreach (var stream in _streams)
            stream.Tell(StreamProtocol.DecodersChanged.Instance, Self);
    }
}
