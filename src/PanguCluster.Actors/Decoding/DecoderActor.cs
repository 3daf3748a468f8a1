using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Decoding;

/// <summary>What a decoder needs to open its trunk and run.</summary>
public sealed record DecoderSettings(PackedModel Model, IKernels Kernels, DecoderOptions Options, int Threads, bool VerifyDigest, TimeSpan RetryOpen);

/// <summary>
/// Continuous batching as an actor: drives a <see cref="DecodeEngine"/> layer by layer, with the routed experts' part out at the router.
/// Submissions and cancellations are taken between layers. Lives on a dispatcher with one thread of its own.
/// </summary>
public sealed class DecoderActor : UntypedActor
{
    private readonly DecoderSettings _settings;
    private readonly LoadGauge _gauge;
    private readonly IActorRef _placement;
    private readonly Func<IActorContext, IActorRef> _makeRouter;
    private readonly SequenceClients _clients;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private TrunkOpening? _opening;
    private DecodeEngine? _engine;
    private IActorRef _router = ActorRefs.Nobody;
    private RouterProtocol.DispatchLayer? _dispatch;
    private ICancelable? _retry;
    private bool _stepping; // a step is under way or a NextStep is on its way
    private bool _layerOut; // the router has the buffer
    private bool _givenUp; // the step that the layer belongs to has been given up

    public DecoderActor(DecoderSettings settings, LoadGauge gauge, IActorRef placement, Func<IActorContext, IActorRef> makeRouter)
    {
        _settings = settings;
        _gauge = gauge;
        _placement = placement;
        _makeRouter = makeRouter;
        _clients = new SequenceClients(Self);
    }

    private sealed record Opened(TrunkOpening Opening) : INoSerializationVerificationNeeded;

    private sealed class OpenAgain : INoSerializationVerificationNeeded
    {
        public static readonly OpenAgain Instance = new();
    }

    private sealed class NextStep : INoSerializationVerificationNeeded
    {
        public static readonly NextStep Instance = new();
    }

    protected override void PreStart()
    {
        _router = Context.Watch(_makeRouter(Context));
        _placement.Tell(new PlacementProtocol.FollowRoutes(_router));
        Open();
    }

    protected override void PostStop()
    {
        _retry?.Cancel();
        _clients.FailAll(FailureKind.Unavailable, "the decoder stopped");
        _placement.Tell(new PlacementProtocol.DecoderDown(Self, "stopped"));
        if (_engine is not null)
            _engine.Dispose();
        else
            _opening?.Abandon();
    }

    // A router that fails may leave devices writing into its buffer: decoder and buffers are made anew with it.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Escalate);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case RouterProtocol.LayerDone done:
                OnLayerDone(done);
                break;
            case NextStep:
                BeginStep();
                break;
            case DecoderProtocol.SubmitSequence submit:
                OnSubmit(submit);
                break;
            case DecoderProtocol.CancelSequence cancel:
                Cancel(cancel.Id);
                break;
            case Terminated dead:
                OnTerminated(dead.ActorRef);
                break;
            case RouterProtocol.LayerFailed failed:
                OnLayerFailed(failed);
                break;
            case Opened opened when ReferenceEquals(opened.Opening, _opening):
                OnOpened(opened.Opening);
                break;
            case OpenAgain:
                Open();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Open()
    {
        var self = Self;
        _opening = TrunkOpening.Start(_settings, o => self.Tell(new Opened(o)));
    }

    private void OnOpened(TrunkOpening opening)
    {
        if (opening.Engine is { } engine)
        {
            _engine = engine;
            _gauge.Value = engine.Load;
            _placement.Tell(new PlacementProtocol.DecoderUp(Self));
            return;
        }
        _opening = null;
        _log.Error("the decoder cannot open its trunk: {0} Next attempt in {1} s.", opening.Error!.Message, _settings.RetryOpen.TotalSeconds);
        _placement.Tell(new PlacementProtocol.DecoderDown(Self, opening.Error.Message));
        _retry = Context.System.Scheduler.ScheduleTellOnceCancelable(_settings.RetryOpen, Self, OpenAgain.Instance, Self);
    }

    private void OnSubmit(DecoderProtocol.SubmitSequence submit)
    {
        // Nobody is told of a decoder before it is open; a message that comes all the same finds a full queue.
        var outcome = _engine?.Submit(submit.Request) ?? SubmitOutcome.QueueFull;
        submit.Stream.Tell(new DecoderProtocol.SubmitReply(submit.Id, outcome), Self);
        if (outcome != SubmitOutcome.Accepted)
            return;
        _clients.Add(submit.Id, submit.Stream, submit.Inbox);
        Context.Watch(submit.Stream);
        _gauge.Value = _engine!.Load;
        Wake();
    }

    private void Cancel(SequenceId id)
    {
        _engine?.Cancel(id);
        _clients.Remove(id);
        Unwatch();
        if (_engine is not null)
            _gauge.Value = _engine.Load;
    }

    private void OnTerminated(IActorRef actor)
    {
        if (actor.Equals(_router))
            throw new InvalidOperationException("the router stopped");
        foreach (var id in _clients.Of(actor))
            Cancel(id);
    }

    private void Wake()
    {
        if (_stepping)
            return;
        _stepping = true;
        Self.Tell(NextStep.Instance, Self);
    }

    private void BeginStep()
    {
        try
        {
            if (_engine is { } engine && engine.BeginStep() > 0)
                BeginLayer(0);
            else
                _stepping = false;
        }
        catch (Exception e)
        {
            OnFault(e);
        }
    }

    private void BeginLayer(int layer)
    {
        var buffer = _engine!.BeginLayer(layer);
        if (_dispatch is null || !ReferenceEquals(_dispatch.Buffer, buffer))
            _dispatch = new RouterProtocol.DispatchLayer(buffer);
        _layerOut = true;
        _router.Tell(_dispatch, Self);
        _engine.ComputeShared(layer);
    }

    private void OnLayerDone(RouterProtocol.LayerDone done)
    {
        var buffer = _dispatch?.Buffer;
        if (!_layerOut || buffer is null || done.StepId != buffer.StepId || done.Layer != buffer.Layer)
            return;
        _layerOut = false;
        if (_givenUp)
        {
            NextOrIdle();
            return;
        }
        try
        {
            _engine!.EndLayer(done.Layer);
            if (done.Layer + 1 < _settings.Model.Shape.Layers)
                BeginLayer(done.Layer + 1);
            else
                EndStep();
        }
        catch (Exception e)
        {
            OnFault(e);
        }
    }

    private void EndStep()
    {
        _engine!.EndStep(_clients);
        _clients.Flush();
        Unwatch();
        _gauge.Value = _engine.Load;
        NextOrIdle();
    }

    private void OnLayerFailed(RouterProtocol.LayerFailed failed)
    {
        _layerOut = false;
        if (_givenUp)
            NextOrIdle();
        else
            // The router has tried for its whole deadline: whoever waits here is better served elsewhere, or told so.
            GiveUp(failed.Kind, failed.Message);
    }

    /// <summary>A fault in a kernel fails the sequences, not the node.</summary>
    private void OnFault(Exception e)
    {
        _log.Error(e, "a decode step failed");
        GiveUp(FailureKind.Internal, "a decode step failed: " + e.Message);
    }

    /// <summary>Fails every sequence. While the router has the buffer no new step begins: devices may still read and write it.</summary>
    private void GiveUp(FailureKind kind, string message)
    {
        var ids = _clients.Ids.ToArray();
        _clients.FailAll(kind, message);
        Unwatch();
        if (_engine!.InStep)
            _engine.AbortStep();
        foreach (var id in ids)
            _engine.Cancel(id);
        _gauge.Value = _engine.Load;
        _givenUp = true;
        if (!_layerOut)
            NextOrIdle();
    }

    private void NextOrIdle()
    {
        _givenUp = false;
        _stepping = _engine!.HasWork;
        if (_stepping)
            Self.Tell(NextStep.Instance, Self);
    }

    private void Unwatch()
    {
        foreach (var stream in _clients.Finished)
            Context.Unwatch(stream);
        _clients.Finished.Clear();
    }
}
