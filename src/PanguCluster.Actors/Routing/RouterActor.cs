using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Actors.Routing;

/// <summary>
/// One decoder's router: sends a layer's rows to the devices of this process and in one frame to each other node, collects the outputs,
/// re-sends what a dead owner leaves open to the next one at once, and asks a second owner where the first is late. One layer is out at a time.
/// </summary>
public sealed class RouterActor : UntypedActor, IComputeOwner
{
    private readonly RouterOptions _options;
    private readonly LocalDevices _devices;
    private readonly RowCounters _counters;
    private readonly RouterFaults _faults;
    private readonly TimeProvider _time;
    private readonly LayerExchange _exchange;
    private readonly LinkSet _links;
    private readonly RouterProtocol.LayerDone _done = new();
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _self;
    private readonly Action _devicesChanged;
    private RouteTable _routes;
    private ICancelable? _tick;
    private ITimer? _late;
    private bool _lateIsSet;
    private long _lateDue;
    private IActorRef _decoder = ActorRefs.Nobody;
    private long _begun;
    private RouterProtocol.LayerFailed? _failure;

    public RouterActor(
        RouterOptions options, LocalDevices devices, RowCounters counters, RouterFaults faults, ILinkFactory links, IActorRef placement,
        TimeProvider time)
    {
        _options = options;
        _devices = devices;
        _counters = counters;
        _faults = faults;
        _time = time;
        _self = Self;
        _exchange = new LayerExchange(devices, this, faults, options.Hedging, time.TimestampFrequency);
        _links = new LinkSet(links, options, time, placement, faults, _log);
        _routes = RouteTable.Empty(devices.Groups);
        _devicesChanged = () => _self.Tell(RouterProtocol.DevicesChanged.Instance, _self);
    }

    /// <summary>A device's thread: the work comes back as a message.</summary>
    public void Completed(ComputeRows work) => _self.Tell(work, _self);

    protected override void PreStart()
    {
        _devices.Removed += _devicesChanged;
        _late = _time.CreateTimer(_ => _self.Tell(RouterProtocol.LookForLate.Instance, _self), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _tick = Context.System.Scheduler.ScheduleTellRepeatedlyCancelable(_options.Tick, _options.Tick, Self, RouterProtocol.Tick.Instance, Self);
    }

    protected override void PostStop()
    {
        _tick?.Cancel();
        _late?.Dispose();
        _devices.Removed -= _devicesChanged;
        _links.Dispose();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case ComputeRows work:
                _exchange.OnLocal(work, _time.GetTimestamp());
                Advance();
                break;
            case LinkReply reply:
                _exchange.OnRemote(reply, _time.GetTimestamp());
                reply.Release();
                Advance();
                break;
            case RouterProtocol.DispatchLayer dispatch:
                _decoder = Sender;
                _failure = null;
                _begun = _time.GetTimestamp();
                _exchange.Begin(dispatch.Buffer);
                _exchange.Send(_begun);
                WatchForLate(_begun);
                break;
            case RouterProtocol.LookForLate:
                OnLookForLate();
                break;
            case LinkEvents.Up up:
                if (_links.OnUp(up))
                    OnWaysChanged();
                break;
            case LinkEvents.Down down:
                _links.OnDown(down);
                OnWaysChanged();
                break;
            case RouterProtocol.RoutesChanged changed:
                _routes = changed.Table;
                _links.Follow(_routes, Self);
                _exchange.RevokeOrphans();
                _exchange.Forgive();
                OnWaysChanged();
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

    private void OnWaysChanged()
    {
        _exchange.Use(_routes, _links.Up);
        Advance();
    }

    /// <summary>
    /// One timer for all layers: it is set when none is running and, when it rings, set again for what is out then. So it rings once per
    /// deadline, not once per layer, and costs the steady state nothing.
    /// </summary>
    private void WatchForLate(long now)
    {
        if (!_lateIsSet && _exchange.HasChoice && _exchange.IsBusy)
            SetLateTimer(now, _exchange.NextDue(now));
    }

    private void SetLateTimer(long now, long due)
    {
        _lateIsSet = due != long.MaxValue;
        if (!_lateIsSet)
            return;
        _lateDue = due;
        double milliseconds = Math.Ceiling(Math.Max(1, _time.GetElapsedTime(now, due).TotalMilliseconds));
        _late!.Change(TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
    }

    private void OnLookForLate()
    {
        long now = _time.GetTimestamp();
        _lateIsSet = false;
        if (!_exchange.IsBusy)
            return;
        // Much too late itself: this process was held up, and the answers may lie in its sockets. They get the time to come forward.
        if (_time.GetElapsedTime(_lateDue, now) > _options.Hedging.Floor)
        {
            SetLateTimer(now, now + (long)(_options.Hedging.Floor.TotalSeconds * _time.TimestampFrequency));
            return;
        }
        _exchange.Hedge(now);
        // A peer that would not take what was taken back from a device leaves it to be sent anew.
        _exchange.Send(now);
        SetLateTimer(now, _exchange.NextDue(now));
    }

    private void OnTick()
    {
        _links.ConnectDue(Self);
        _exchange.Forgive();
        if (!_exchange.IsBusy)
            return;
        _exchange.RevokeOrphans();
        // What was late without another owner, or beyond the budget, may have better luck now.
        long now = _time.GetTimestamp();
        if (!_lateIsSet && _exchange.HasChoice)
            SetLateTimer(now, now);
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
        long now = _time.GetTimestamp();
        _exchange.Send(now);
        WatchForLate(now);
    }

    private void Finish()
    {
        var buffer = _exchange.End();
        _counters.Add(_exchange.Answered, buffer.Rows);
        _done.StepId = buffer.StepId;
        _done.Layer = buffer.Layer;
        _decoder.Tell(_done, Self);
        if (_exchange.IsDisturbed)
            _faults.Report(_exchange.Stalled(_time.GetElapsedTime(_begun)));
    }

    private void Fail(FailureKind kind, string message)
    {
        var buffer = _exchange.Buffer;
        _log.Warning("layer {0} of step {1}: {2}", buffer.Layer, buffer.StepId, message);
        _failure = new RouterProtocol.LayerFailed(buffer.StepId, buffer.Layer, kind, message);
    }
}
