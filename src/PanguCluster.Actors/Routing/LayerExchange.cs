using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Routing;

/// <summary>
/// The bookkeeping of one layer's way to the devices and back: which group is where, what is still wanted, who may touch the buffer.
/// Plain code without actors or clocks. The first answer to a group wins; answers to earlier layers are recognised and dropped.
/// </summary>
/// <remarks>
/// A group may be out with two owners: one that is late and a second one asked because of it. What one of them says never ends the wait
/// for the other. A device of this process writes into the buffer itself, so once it computes, its answer is the only one that can be taken:
/// its work is taken back before that or left alone, and it is never asked at the same time as a second device of this process.
/// </remarks>
internal sealed partial class LayerExchange
{
    /// <summary>A group's rows are with a peer.</summary>
    private struct Ticket
    {
        public PeerLane? Lane;
        public long Attempt;
        public long Due;
        public bool Hedge;
    }

    /// <summary>One peer that is late and one that is asked instead.</summary>
    private const int TicketsPerGroup = 2;

    private readonly LocalDevices _devices;
    private readonly IComputeOwner _owner;
    private readonly RouterFaults _faults;
    private readonly int _groups;
    private readonly bool[] _done;
    private readonly Ticket[] _tickets; // [group, 2]
    private readonly bool[] _atDevice;
    private readonly ComputeRows?[] _works;
    private readonly int[] _kernelFailures;
    private readonly int[] _answered;
    private readonly List<(int Group, PeerLane? Lane)> _refused = [];
    private readonly List<int> _disturbed = [];
    private (string NodeId, StallCause Cause)? _fault;
    private LayerDispatch? _buffer;
    private long _firstAttempt;
    private long _attempt;
    private int _pending;
    private bool _abandoned;

    /// <param name="frequency">Ticks of all times per second.</param>
    public LayerExchange(LocalDevices devices, IComputeOwner owner, RouterFaults faults, HedgeOptions hedging, long frequency)
    {
        _devices = devices;
        _owner = owner;
        _faults = faults;
        _groups = devices.Groups;
        _done = new bool[_groups];
        _tickets = new Ticket[_groups * TicketsPerGroup];
        _atDevice = new bool[_groups];
        _works = new ComputeRows?[_groups];
        _kernelFailures = new int[_groups];
        _answered = new int[_groups];
        _sends = new int[_groups];
        _hedged = new bool[_groups];
        _deviceIsHedge = new bool[_groups];
        _choice = new Choice[_groups];
        _chosen = new PeerLane?[_groups];
        _frame = new int[_groups];
        _ways = [.. Enumerable.Repeat<PeerLane?[]>([], _groups)];
        _hedging = hedging;
        _frequency = frequency;
        _budget = new HedgeBudget(hedging);
        _localTimes = new AnswerTimes(hedging, frequency);
    }

    /// <summary>A layer is out, or abandoned with a device still writing.</summary>
    public bool IsBusy => _buffer is not null;

    /// <summary>The layer that is out.</summary>
    public LayerDispatch Buffer => _buffer!;

    public bool IsComplete => _buffer is not null && _pending == 0 && !_abandoned;

    public string? KernelError { get; private set; }

    /// <summary>[group] rows answered in the layer that is complete.</summary>
    public ReadOnlySpan<int> Answered => _answered;

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

    /// <summary>The groups that are not done, for a message to people.</summary>
    public IEnumerable<int> Pending => Enumerable.Range(0, _groups).Where(g => !_done[g]);

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
        Array.Clear(_hedged);
        Array.Clear(_done);
        Array.Clear(_answered);
        Array.Clear(_tickets);
        _fault = null;
        _disturbed.Clear();
        _localRounds = 0;
        _budget.Earn();
        for (int g = 0; g < _groups; g++)
            if (_works[g] is null || !ReferenceEquals(_works[g]!.Buffer, buffer))
                _works[g] = new ComputeRows(buffer, g, _owner);
    }

    /// <summary>Takes a local device's work back. False: it was late.</summary>
    public bool OnLocal(ComputeRows work, long now)
    {
        int g = work.Group;
        if (_buffer is null || !ReferenceEquals(_works[g], work) || !_atDevice[g])
        {
            _faults.CountLate();
            return false;
        }
        _atDevice[g] = false;
        LocalAnswered(now);
        if (work.Status == ComputeStatus.Done)
            Accept(g, _deviceIsHedge[g]);
        else
            Refuse(g, null, work.Status, work.Error);
        return true;
    }

    /// <summary>Takes a peer's frame: copies what is still wanted. False: all of it was late.</summary>
    public bool OnRemote(LinkReply reply, long now)
    {
        var h = reply.Header;
        var lane = LaneOf(reply.Link);
        lane?.Answered(h.Attempt, now);
        bool used = _buffer is not null && !_abandoned && h.Step == _buffer.StepId && h.Layer == _buffer.Layer && h.Rows == _buffer.Rows
            && h.Attempt >= _firstAttempt && h.Attempt <= _attempt && Take(reply, lane);
        if (!used)
            _faults.CountLate();
        return used;
    }

    /// <summary>Takes work back that lies with a device that has gone, unless it is being computed.</summary>
    public void RevokeOrphans()
    {
        for (int g = 0; g < _groups; g++)
            if (_atDevice[g] && _devices[g] != _works[g]!.Device && TryTakeBack(g))
                Disturbed(g, _self, StallCause.NotReady);
    }

    /// <summary>Owners that had no answer may be asked again.</summary>
    public void Forgive() => _refused.Clear();

    /// <summary>The layer completed: its buffer goes back to the decoder.</summary>
    public LayerDispatch End()
    {
        var buffer = _buffer!;
        _buffer = null;
        return buffer;
    }

    /// <summary>The layer that is out, or has ended last, met a failure.</summary>
    public bool IsDisturbed => _fault is not null;

    /// <summary>What it met.</summary>
    public StalledLayer Stalled(TimeSpan duration) => new(_fault!.Value.NodeId, _fault.Value.Cause, [.. _disturbed.Distinct().Order()], duration);

    /// <summary>
    /// Gives the layer up. True: nobody will touch the buffer any more. False: a device is computing; ask again when its work is back.
    /// </summary>
    public bool TryAbandon()
    {
        _abandoned = true;
        bool free = true;
        for (int g = 0; g < _groups; g++)
            if (_atDevice[g] && !TryTakeBack(g))
                free = false;
        return free;
    }

    private bool Take(LinkReply reply, PeerLane? lane)
    {
        int done = 0;
        bool used = false;
        for (int i = 0; i < reply.Header.Groups; i++)
        {
            int g = reply.GroupIds[i];
            bool isDone = reply.Status[i] == ComputeStatus.Done;
            int output = isDone ? done++ : -1;
            int t = TicketOf(g, lane, reply.Header.Attempt);
            bool hedge = t >= 0 && _tickets[t].Hedge;
            if (t >= 0)
                _tickets[t] = default;
            if (isDone && !_done[g] && (!_atDevice[g] || TryTakeBack(g)))
            {
                reply.OutputOf(output).CopyTo(_buffer!.OutputOf(g));
                Accept(g, hedge);
                used = true;
            }
            // Only an owner that the group waits for may end that wait without an answer; an answer is welcome from any.
            else if (!isDone && t >= 0 && !_done[g])
            {
                Refuse(g, lane, reply.Status[i], $"group {g} failed on node {reply.Link.NodeId}; its log says why");
            }
        }
        return used;
    }

    private int TicketOf(int g, PeerLane? lane, long attempt)
    {
        for (int t = g * TicketsPerGroup; t < (g + 1) * TicketsPerGroup; t++)
            if (lane is not null && ReferenceEquals(_tickets[t].Lane, lane) && _tickets[t].Attempt == attempt)
                return t;
        return -1;
    }

    private bool TryTakeBack(int g)
    {
        if (!_works[g]!.TryRevoke())
            return false;
        // The revoked object may still lie in a mailbox: it must never be sent again.
        _works[g] = new ComputeRows(_buffer!, g, _owner);
        _atDevice[g] = false;
        _localRounds = NotMeasured;
        return true;
    }

    private void Accept(int g, bool hedge)
    {
        _done[g] = true;
        _answered[g] = _buffer!.Rows;
        _pending--;
        if (hedge)
            _faults.CountHedgeWin();
    }

    /// <summary>An owner has no answer: it is not asked again before others, nor at once.</summary>
    private void Refuse(int g, PeerLane? lane, ComputeStatus status, string? error)
    {
        _refused.Add((g, lane));
        Disturbed(g, lane?.Link.NodeId ?? _self, status == ComputeStatus.Failed ? StallCause.Failed : StallCause.NotReady);
        if (status != ComputeStatus.Failed)
            return;
        _kernelFailures[g]++;
        KernelError = error ?? $"group {g}";
    }

    private void Disturbed(int g, string nodeId, StallCause cause)
    {
        _fault ??= (nodeId, cause);
        _disturbed.Add(g);
    }
}
