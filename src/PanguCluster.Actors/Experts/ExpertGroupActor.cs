using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Event;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Weights;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Experts;

/// <summary>
/// A device: owns one group's weights and computes the rows it is told to, on the compute dispatcher. A sharding entity; whoever sends
/// rows has its reference from <see cref="LocalDevices"/>, so no lookup stands in the way. A stand-in is the same without sharding: the placement actor's child.
/// </summary>
public sealed class ExpertGroupActor : UntypedActor
{
    private readonly PackedModel _model;
    private readonly IKernels _kernels;
    private readonly IGroupFiles _files;
    private readonly DeviceOptions _options;
    private readonly LocalDevices _devices;
    private readonly IActorRef _placement;
    private readonly int _group;
    private readonly long _number;
    private readonly ILoggingAdapter _log = Context.GetLogger();

    private GroupFetching? _fetching;
    private GroupOpening? _opening;
    private IExpertGroup? _handle;
    private ICancelable? _retry;
    private int _failures;
    private bool _warm;

    /// <param name="number">The incarnation's, or <see cref="OwnedGroup.StandIn"/>.</param>
    public ExpertGroupActor(
        PackedModel model, IKernels kernels, IGroupFiles files, DeviceOptions options, LocalDevices devices, IActorRef placement, int group, long number)
    {
        _model = model;
        _kernels = kernels;
        _files = files;
        _options = options;
        _devices = devices;
        _placement = placement;
        _group = group;
        _number = number;
    }

    protected override void PreStart() => Open();

    protected override void PostStop()
    {
        _retry?.Cancel();
        _fetching?.Dispose();
        _devices.Remove(_group, Self);
        if (_handle is not null)
            _handle.Dispose();
        else
            _opening?.Abandon();
        ReturnWarm();
        _placement.Tell(new ExpertGroupProtocol.Stopped(_group, Self));
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case ComputeRows work:
                Compute(work);
                break;
            case ExpertGroupProtocol.Fetching fetching when ReferenceEquals(fetching.Fetch, _fetching):
                Report(OwnedGroupState.Fetching, "", fetching.Bytes);
                break;
            case ExpertGroupProtocol.Fetched fetched when ReferenceEquals(fetched.Fetch, _fetching):
                OnFetched(fetched.Error);
                break;
            case ExpertGroupProtocol.Opened opened when ReferenceEquals(opened.Opening, _opening):
                OnOpened(opened.Opening);
                break;
            case ExpertGroupProtocol.OpenAgain:
                Open();
                break;
            case EnsureGroup:
                break;
            case ExpertGroupProtocol.Retire:
                Retire();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Open()
    {
        if (!_files.Has(_group))
        {
            Report(OwnedGroupState.Fetching, "");
            _fetching = GroupFetching.Start(_files, _group, Self);
            return;
        }
        Report(OwnedGroupState.Starting, "");
        var self = Self;
        _warm = _options.Warm.TryTake();
        _opening = GroupOpening.Start(_kernels, _model, _files, _group, _options.Group, _warm, o => self.Tell(new ExpertGroupProtocol.Opened(o)));
    }

    private void OnFetched(Exception? error)
    {
        _fetching = null;
        if (error is null)
            Open();
        else
            OnFailed(error.Message);
    }

    private void OnOpened(GroupOpening opening)
    {
        if (opening.Handle is { } handle)
        {
            _handle = handle;
            _failures = 0;
            _devices.Add(_group, Self);
            Report(OwnedGroupState.Ready, "");
            return;
        }
        _opening = null;
        ReturnWarm();
        OnFailed(opening.Error!.Message);
    }

    private void ReturnWarm()
    {
        if (_warm)
            _options.Warm.Return();
        _warm = false;
    }

    private void OnFailed(string reason)
    {
        var wait = Backoff(_options, _failures++);
        _log.Error("group {0} cannot be opened: {1} Next attempt in {2} s.", _group, reason, wait.TotalSeconds);
        Report(OwnedGroupState.Failed, reason);
        _retry = Context.System.Scheduler.ScheduleTellOnceCancelable(wait, Self, ExpertGroupProtocol.OpenAgain.Instance, Self);
    }

    /// <summary>What is in the mailbox before the end is still computed.</summary>
    private void Retire()
    {
        if (_number == OwnedGroup.StandIn)
            Self.Tell(PoisonPill.Instance);
        else
            Context.Parent.Tell(new Passivate(PoisonPill.Instance));
    }

    private void Compute(ComputeRows work)
    {
        if (!work.TryClaim())
            return;
        if (_handle is null)
        {
            work.Complete(ComputeStatus.NotReady);
            return;
        }
        string? error = null;
        try
        {
            var b = work.Buffer;
            _handle.Forward(b.Layer, b.Rows, b.ActivationRows, b.ExpertsOf(_group), b.WeightsOf(_group), b.OutputOf(_group));
            _devices.Count(_group, b.Rows);
        }
        catch (Exception e)
        {
            error = $"group {_group}, layer {work.Buffer.Layer}: {e.Message}";
            _log.Error(e, "kernel of group {0} failed", _group);
        }
        work.Complete(error is null ? ComputeStatus.Done : ComputeStatus.Failed, error);
    }

    /// <summary>1, 2, 4, ... times the shortest wait, up to the longest.</summary>
    internal static TimeSpan Backoff(DeviceOptions options, int failures)
    {
        double factor = Math.Pow(2, Math.Min(failures, 30));
        return TimeSpan.FromMilliseconds(Math.Min(options.RetryMax.TotalMilliseconds, options.RetryMin.TotalMilliseconds * factor));
    }

    private void Report(OwnedGroupState state, string reason, long fetched = 0) =>
        _placement.Tell(new ExpertGroupProtocol.Report(new OwnedGroup(_group, _number, state, reason)
        {
            FetchedBytes = fetched, Mapped = state == OwnedGroupState.Ready && !_warm,
        }, Self));
}
