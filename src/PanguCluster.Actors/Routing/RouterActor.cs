using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Actors.Routing;

/// <summary>
/// One decoder's router: sends a layer's rows to the devices of this process and in one frame to each other node, collects the outputs,
/// and re-sends what a dead owner leaves open as soon as there is a new way. One layer is out at a time.
/// </summary>
public sealed class RouterActor : UntypedActor, IComputeOwner
{
    private readonly RouterOptions _options;
    private readonly LocalDevices _devices;
    private readonly RowCounters _counters;
    private readonly TimeProvider _time;
    private readonly LayerExchange _exchange;
    private readonly LinkSet _links;
    private readonly RouterProtocol.LayerDone _done = new();
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _self;
    private readonly Action _devicesChanged;
    private RouteTable _routes;
    private ICancelable? _tick;
    private IActorRef _decoder = ActorRefs.Nobody;
    private long _begun;
    private RouterProtocol.LayerFailed? _failure;

    public RouterActor(
        RouterOptions options, LocalDevices devices, RowCounters counters, ILinkFactory links, TimeProvider time)
    {
        _options = options;
        _devices = devices;
        _counters = counters;
        _time = time;
        _self = Self;
        _exchange = new LayerExchange(devices, this);
        _links = new LinkSet(links, options, time, _log);
        _routes = RouteTable.Empty(devices.Groups);
        _devicesChanged = () => _self.Tell(RouterProtocol.DevicesChanged.Instance, _self);
    }

    /// <summary>A device's thread: the work comes back as a message.</summary>
    public void Completed(ComputeRows work) => _self.Tell(work, _self);

    protected override void PreStart()
    {
        _devices.Removed += _devicesChanged;
        _tick = Context.System.Scheduler.ScheduleTellRepeatedlyCancelable(_options.Tick, _options.Tick, Self, RouterProtocol.Tick.Instance, Self);
    }

    protected override void PostStop()
    {
        _tick?.Cancel();
        _devices.Removed -= _devicesChanged;
        _links.Dispose();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case ComputeRows work:
                _exchange.OnLocal(work);
                Advance();
                break;
            case LinkReply reply:
                _exchange.OnRemote(reply);
                reply.Release();
                Advance();
                break;
            case RouterProtocol.DispatchLayer dispatch:
                _decoder = Sender;
                _failure = null;
                _begun = _time.GetTimestamp();
                _exchange.Begin(dispatch.Buffer);
                _exchange.Send(_routes, _links.Up);
                break;
            case LinkEvents.Up up:
                if (_links.OnUp(up))
                    Advance();
                break;
            case LinkEvents.Down down:
                _links.OnDown(down);
                _exchange.OnLinkDown(down.Link);
                Advance();
                break;
            case RouterProtocol.RoutesChanged changed:
                _routes = changed.Table;
                var before = _links.Up.ToArray();
                _links.Follow(_routes, Self);
                foreach (var link in before.Except(_links.Up))
                    _exchange.OnLinkDown(link);
                _exchange.RevokeOrphans();
                Advance();
                break;
            case RouterProtocol.DevicesChanged:
                _exchange.RevokeOrphans();
                Advance();
                break;
            case RouterProtocol.Tick:
                OnTick();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnTick()
    {
        _links.ConnectDue(Self);
        if (!_exchange.IsBusy)
            return;
        _exchange.RevokeOrphans();
        if (_failure is null && _time.GetElapsedTime(_begun) > _options.LayerDeadline)
            Fail(FailureKind.Unavailable, $"no answer from groups {string.Join(", ", _exchange.Pending)} within {_options.LayerDeadline.TotalSeconds} s");
        Advance();
    }

    /// <summary>After anything that may have changed the layer's standing: finish, fail, or send what can now be sent.</summary>
    private void Advance()
    {
        if (!_exchange.IsBusy)
            return;
        if (_exchange.IsComplete)
        {
            Finish();
            return;
        }
        if (_failure is null && _exchange.KernelFailures >= _options.KernelAttempts)
            Fail(FailureKind.Internal, _exchange.KernelError!);
        if (_failure is { } failure)
        {
            // A device that is computing still writes: the buffer goes back only after it.
            if (!_exchange.TryAbandon())
                return;
            _exchange.End();
            _decoder.Tell(failure, Self);
            return;
        }
        _exchange.Send(_routes, _links.Up);
    }

    private void Finish()
    {
        var buffer = _exchange.End();
        _counters.Add(_exchange.Answered, buffer.Rows);
        _done.StepId = buffer.StepId;
        _done.Layer = buffer.Layer;
        _decoder.Tell(_done, Self);
    }

    private void Fail(FailureKind kind, string message)
    {
        var buffer = _exchange.Buffer;
        _log.Warning("layer {0} of step {1}: {2}", buffer.Layer, buffer.StepId, message);
        _failure = new RouterProtocol.LayerFailed(buffer.StepId, buffer.Layer, kind, message);
    }
}
