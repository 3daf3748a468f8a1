using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Routing;

/// <summary>How a group's part of the present layer stands.</summary>
internal enum GroupWait
{
    /// <summary>Not sent: no owner, or no way to it yet.</summary>
    Unsent,
    Local,
    Remote,
    Done,
}

/// <summary>
/// The bookkeeping of one layer's way to the devices and back: which group is where, what is still wanted, who may touch the buffer.
/// Plain code without actors or clocks. The first answer to a group wins; answers to earlier layers are recognised and dropped.
/// </summary>
internal sealed class LayerExchange
{
    private readonly LocalDevices _devices;
    private readonly IComputeOwner _owner;
    private readonly int _groups;
    private readonly GroupWait[] _wait;
    private readonly ILinkPort?[] _via;
    private readonly ComputeRows?[] _works;
    private readonly int[] _kernelFailures;
    private readonly int[] _answered;
    private readonly int[] _sends;
    private readonly int[] _frame;
    private LayerDispatch? _buffer;
    private long _firstAttempt;
    private long _attempt;
    private int _pending;
    private bool _abandoned;

    public LayerExchange(LocalDevices devices, IComputeOwner owner)
    {
        _devices = devices;
        _owner = owner;
        _groups = devices.Groups;
        _wait = new GroupWait[_groups];
        _via = new ILinkPort?[_groups];
        _works = new ComputeRows?[_groups];
        _kernelFailures = new int[_groups];
        _answered = new int[_groups];
        _sends = new int[_groups];
        _frame = new int[_groups];
    }

    /// <summary>A layer is out, or abandoned with a device still writing.</summary>
    public bool IsBusy => _buffer is not null;

    /// <summary>The layer that is out.</summary>
    public LayerDispatch Buffer => _buffer!;

    public bool IsComplete => _buffer is not null && _pending == 0 && !_abandoned;

    /// <summary>Answers that came too late or twice, ever.</summary>
    public long Dropped { get; private set; }

    /// <summary>Groups sent a second time or more, ever.</summary>
    public long Resent { get; private set; }

    public string? KernelError { get; private set; }

    /// <summary>[group] rows answered in the layer that is complete.</summary>
    public ReadOnlySpan<int> Answered => _answered;

    public void Begin(LayerDispatch buffer)
    {
        if (_buffer is not null)
            throw new InvalidOperationException($"layer {_buffer.Layer} of step {_buffer.StepId} is still out");
        _buffer = buffer;
        _pending = _groups;
        _firstAttempt = _attempt + 1;
        _abandoned = false;
        KernelError = null;
        Array.Clear(_kernelFailures);
        Array.Clear(_sends);
        for (int g = 0; g < _groups; g++)
        {
            _wait[g] = GroupWait.Unsent;
            _via[g] = null;
            _answered[g] = 0;
            if (_works[g] is null || !ReferenceEquals(_works[g]!.Buffer, buffer))
                _works[g] = new ComputeRows(buffer, g, _owner);
        }
    }

    /// <summary>Sends what is unsent, as far as there is a way: local groups to their devices, the others in one frame per link.</summary>
    public void Send(RouteTable routes, IReadOnlyList<ILinkPort> links)
    {
        if (_buffer is null || _abandoned)
            return;
        long attempt = ++_attempt;
        // Remote first: the frames travel while this process's own devices compute.
        for (int l = 0; l < links.Count; l++)
            SendRemote(routes, links[l], attempt);
        for (int g = 0; g < _groups; g++)
            if (_wait[g] == GroupWait.Unsent && routes.Groups[g].First is { Local: true })
                SendLocal(g);
    }

    /// <summary>Takes a local device's work back. False: it was late.</summary>
    public bool OnLocal(ComputeRows work)
    {
        int g = work.Group;
        if (_buffer is null || !ReferenceEquals(_works[g], work) || _wait[g] != GroupWait.Local)
        {
            Dropped++;
            return false;
        }
        _wait[g] = GroupWait.Unsent;
        if (work.Status == ComputeStatus.Done)
            Accept(g);
        else if (work.Status == ComputeStatus.Failed)
            CountFailure(g, work.Error ?? $"group {g}");
        return true;
    }

    /// <summary>Takes a peer's frame: copies what is still wanted. False: all of it was late.</summary>
    public bool OnRemote(LinkReply reply)
    {
        var h = reply.Header;
        if (_buffer is null || _abandoned || h.Step != _buffer.StepId || h.Layer != _buffer.Layer || h.Rows != _buffer.Rows
            || h.Attempt < _firstAttempt || h.Attempt > _attempt)
        {
            Dropped++;
            return false;
        }
        int done = 0;
        bool used = false;
        for (int i = 0; i < h.Groups; i++)
        {
            int g = reply.GroupIds[i];
            bool isDone = reply.Status[i] == ComputeStatus.Done;
            int output = isDone ? done++ : -1;
            // Only the link a group waits for may end the wait without an answer; an answer is welcome from any.
            bool mine = _wait[g] == GroupWait.Remote && ReferenceEquals(_via[g], reply.Link);
            if (isDone && CanWrite(g))
            {
                reply.OutputOf(output).CopyTo(_buffer.OutputOf(g));
                Accept(g);
                used = true;
            }
            else if (!isDone && mine)
            {
                _wait[g] = GroupWait.Unsent;
                if (reply.Status[i] == ComputeStatus.Failed)
                    CountFailure(g, $"group {g} failed on node {reply.Link.NodeId}; its log says why");
            }
        }
        if (!used)
            Dropped++;
        return used;
    }

    /// <summary>The link is dead: what waits for it must be sent elsewhere.</summary>
    public void OnLinkDown(ILinkPort link)
    {
        for (int g = 0; g < _groups; g++)
            if (_wait[g] == GroupWait.Remote && ReferenceEquals(_via[g], link))
                _wait[g] = GroupWait.Unsent;
    }

    /// <summary>Takes work back that lies with a device that has gone, unless it is being computed.</summary>
    public void RevokeOrphans()
    {
        for (int g = 0; g < _groups; g++)
            if (_wait[g] == GroupWait.Local && _devices[g] != _works[g]!.Device)
                TryTakeBack(g);
    }

    /// <summary>The layer completed: its buffer goes back to the decoder.</summary>
    public LayerDispatch End()
    {
        var buffer = _buffer!;
        _buffer = null;
        return buffer;
    }

    /// <summary>
    /// Gives the layer up. True: nobody will touch the buffer any more. False: a device is computing; ask again when its work is back.
    /// </summary>
    public bool TryAbandon()
    {
        _abandoned = true;
        bool free = true;
        for (int g = 0; g < _groups; g++)
            if (_wait[g] == GroupWait.Local && !TryTakeBack(g))
                free = false;
        return free;
    }

    /// <summary>The groups that are not done, for a message to people.</summary>
    public IEnumerable<int> Pending => Enumerable.Range(0, _groups).Where(g => _wait[g] != GroupWait.Done);

    /// <summary>The output slice is free for a remote answer: not written yet, and no local device is about to write it.</summary>
    private bool CanWrite(int g) => _wait[g] switch
    {
        GroupWait.Done => false,
        GroupWait.Local => TryTakeBack(g),
        _ => true,
    };

    private bool TryTakeBack(int g)
    {
        if (!_works[g]!.TryRevoke())
            return false;
        // The revoked object may still lie in a mailbox: it must never be sent again.
        _works[g] = new ComputeRows(_buffer!, g, _owner);
        _wait[g] = GroupWait.Unsent;
        return true;
    }

    private void SendLocal(int g)
    {
        if (_devices[g] is not { } device)
            return;
        CountSend(g);
        _wait[g] = GroupWait.Local;
        _works[g]!.Send(device);
    }

    private void SendRemote(RouteTable routes, ILinkPort link, long attempt)
    {
        int n = 0;
        for (int g = 0; g < _groups; g++)
            if (_wait[g] == GroupWait.Unsent && routes.Groups[g].First is { Local: false } route && route.NodeId == link.NodeId)
                _frame[n++] = g;
        if (n == 0 || !link.TrySend(_buffer!, _frame.AsSpan(0, n), attempt))
            return;
        for (int i = 0; i < n; i++)
        {
            CountSend(_frame[i]);
            _wait[_frame[i]] = GroupWait.Remote;
            _via[_frame[i]] = link;
        }
    }

    private void CountSend(int g)
    {
        if (_sends[g]++ > 0)
            Resent++;
    }

    private void Accept(int g)
    {
        _wait[g] = GroupWait.Done;
        _answered[g] = _buffer!.Rows;
        _pending--;
    }

    private void CountFailure(int g, string error)
    {
        _kernelFailures[g]++;
        KernelError = error;
    }

    /// <summary>Most kernel failures of any one group in this layer.</summary>
    public int KernelFailures
    {
        get
        {
            int most = 0;
            foreach (int n in _kernelFailures)
                most = Math.Max(most, n);
            return most;
        }
    }
}
