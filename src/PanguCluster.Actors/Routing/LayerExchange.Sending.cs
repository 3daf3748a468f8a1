using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;

namespace PanguCluster.Actors.Routing;

/// <summary>Who is asked for what, first and when the first is late.</summary>
internal sealed partial class LayerExchange
{
    private enum Choice
    {
        None,
        Device,
        Peer,
    }

    /// <summary>More than one round of local work in a layer, or some of it taken back: its time says nothing.</summary>
    private const int NotMeasured = 2;

    private readonly HedgeOptions _hedging;
    private readonly long _frequency;
    private readonly HedgeBudget _budget;
    private readonly AnswerTimes _localTimes;
    private readonly Dictionary<string, AnswerTimes> _times = [];
    private readonly PeerLane?[][] _ways; // [group] owners that can be reached, preferred ones first; null: this process's device
    private readonly int[] _sends;
    private readonly bool[] _hedged;
    private readonly bool[] _deviceIsHedge;
    private readonly Choice[] _choice;
    private readonly PeerLane?[] _chosen;
    private readonly int[] _frame;
    private PeerLane[] _lanes = [];
    private RouteTable? _routes;
    private string _self = "";
    private int _localRounds;
    private int _localOut;
    private int _localWork;
    private long _localSent;
    private long _localDue;

    /// <summary>Some group has two owners that can be reached.</summary>
    public bool HasChoice { get; private set; }

    /// <summary>Goes by these routes and links from now on. What is out over a link that is not among them will not be answered.</summary>
    public void Use(RouteTable routes, IReadOnlyList<ILinkPort> links)
    {
        _routes = routes;
        foreach (var lane in _lanes)
            if (!links.Contains(lane.Link))
                Lost(lane);
        _lanes = [.. links.Select(link => LaneOf(link) ?? new PeerLane(link, TimesOf(link.NodeId)))];
        HasChoice = false;
        for (int g = 0; g < _groups; g++)
        {
            var ways = new List<PeerLane?>();
            foreach (var route in routes.Groups[g].InOrder)
            {
                if (route.Local)
                {
                    _self = route.NodeId;
                    ways.Add(null);
                }
                else if (_lanes.FirstOrDefault(l => l.Link.NodeId == route.NodeId) is { } lane)
                {
                    ways.Add(lane);
                }
            }
            _ways[g] = [.. ways];
            HasChoice |= ways.Count > 1;
        }
    }

    /// <summary>Sends what is with nobody, as far as there is a way: local groups to their devices, the others in one frame per link.</summary>
    public void Send(long now)
    {
        if (_buffer is null || _abandoned || !HasUnsent())
            return;
        foreach (var lane in _lanes)
            lane.IsFull = false;
        bool again;
        do
        {
            for (int g = 0; g < _groups; g++)
                _choice[g] = _done[g] || IsOut(g) ? Choice.None : Choose(g, out _chosen[g]);
            again = false;
            // Remote first: the frames travel while this process's own devices compute.
            foreach (var lane in _lanes)
                again |= !SendFrame(lane, hedge: false, now);
        }
        while (again);
        SendLocal(hedge: false, now);
        for (int g = 0; g < _groups; g++)
            if (_choice[g] == Choice.None && !_done[g] && !IsOut(g) && !_disturbed.Contains(g))
                Disturbed(g, _routes?.Groups[g].First?.NodeId ?? "", StallCause.NoOwner);
    }

    /// <summary>Asks another owner for what is late, if there is one and the budget allows. Once per group and layer.</summary>
    public void Hedge(long now)
    {
        if (_buffer is null || _abandoned || !HasChoice)
            return;
        bool late = false;
        for (int g = 0; g < _groups; g++)
        {
            _choice[g] = Choice.None;
            if (!_done[g] && !_hedged[g] && DueOf(g) <= now)
                late |= (_choice[g] = Second(g, now, out _chosen[g])) != Choice.None;
        }
        if (!late || !_budget.TrySpend())
            return;
        foreach (var lane in _lanes)
            SendFrame(lane, hedge: true, now);
        SendLocal(hedge: true, now);
    }

    /// <summary>When something that is out becomes late for the first time: long.MaxValue if nothing more can.</summary>
    public long NextDue(long now)
    {
        long next = long.MaxValue;
        for (int g = 0; g < _groups; g++)
            if (!_done[g] && !_hedged[g] && DueOf(g) is var due && due > now)
                next = Math.Min(next, due);
        return next;
    }

    private bool HasUnsent()
    {
        for (int g = 0; g < _groups; g++)
            if (!_done[g] && !IsOut(g))
                return true;
        return false;
    }

    private bool IsOut(int g) =>
        _atDevice[g] || _tickets[g * TicketsPerGroup].Lane is not null || _tickets[g * TicketsPerGroup + 1].Lane is not null;

    /// <summary>The first owner that can take the group; one that owes an answer to an earlier layer only if there is no other.</summary>
    private Choice Choose(int g, out PeerLane? lane)
    {
        PeerLane? indebted = null;
        foreach (var way in _ways[g])
        {
            if (IsRefused(g, way))
                continue;
            lane = way;
            if (way is null)
            {
                if (_devices[g] is not null)
                    return Choice.Device;
            }
            else if (way.Owes(_firstAttempt))
            {
                indebted ??= way.IsFull ? null : way;
            }
            else if (!way.IsFull)
            {
                return Choice.Peer;
            }
        }
        lane = indebted;
        return indebted is null ? Choice.None : Choice.Peer;
    }

    /// <summary>Another owner than the one that is late, if one is in time itself.</summary>
    private Choice Second(int g, long now, out PeerLane? lane)
    {
        foreach (var way in _ways[g])
        {
            lane = way;
            if (IsRefused(g, way))
                continue;
            if (way is null)
            {
                if (!_atDevice[g] && _devices[g] is not null)
                    return Choice.Device;
            }
            else if (!IsWith(g, way) && !way.Owes(_firstAttempt) && !way.IsLate(now))
            {
                return Choice.Peer;
            }
        }
        lane = null;
        return Choice.None;
    }

    private bool IsRefused(int g, PeerLane? lane) => _refused.Count > 0 && _refused.Contains((g, lane));

    private bool IsWith(int g, PeerLane lane) =>
        ReferenceEquals(_tickets[g * TicketsPerGroup].Lane, lane) || ReferenceEquals(_tickets[g * TicketsPerGroup + 1].Lane, lane);

    /// <summary>When all that the group is with are late.</summary>
    private long DueOf(int g)
    {
        long due = _atDevice[g] ? _localDue : 0;
        for (int t = g * TicketsPerGroup; t < (g + 1) * TicketsPerGroup; t++)
            if (_tickets[t].Lane is not null)
                due = Math.Max(due, _tickets[t].Due);
        return due == 0 ? long.MaxValue : due;
    }

    /// <summary>False: the link should have taken some groups and did not.</summary>
    private bool SendFrame(PeerLane lane, bool hedge, long now)
    {
        int n = 0;
        for (int g = 0; g < _groups; g++)
        {
            if (_choice[g] != Choice.Peer || !ReferenceEquals(_chosen[g], lane))
                continue;
            // A device that computes already writes into the buffer: its answer is the one to wait for.
            if (hedge && _atDevice[g] && !TryTakeBack(g))
                continue;
            _frame[n++] = g;
        }
        if (n == 0)
            return true;
        long attempt = ++_attempt;
        if (!lane.Link.TrySend(_buffer!, _frame.AsSpan(0, n), attempt))
        {
            lane.IsFull = true;
            return false;
        }
        long due = lane.Sent(attempt, n * _buffer!.Rows, now);
        for (int i = 0; i < n; i++)
        {
            int g = _frame[i];
            int t = g * TicketsPerGroup;
            if (hedge)
                CountHedge(g);
            else
                CountSend(g);
            if (_tickets[t].Lane is not null)
                t++;
            _tickets[t] = new Ticket { Lane = lane, Attempt = attempt, Due = due, Hedge = hedge };
        }
        return true;
    }

    private void SendLocal(bool hedge, long now)
    {
        int n = 0;
        for (int g = 0; g < _groups; g++)
            if (_choice[g] == Choice.Device)
                n++;
        if (n == 0)
            return;
        if (_localRounds < NotMeasured)
            _localRounds++;
        (_localSent, _localWork, _localOut) = (now, n * _buffer!.Rows, n);
        _localDue = now + _localTimes.Deadline(_localWork);
        for (int g = 0; g < _groups; g++)
        {
            if (_choice[g] != Choice.Device || _devices[g] is not { } device)
                continue;
            if (hedge)
                CountHedge(g);
            else
                CountSend(g);
            _deviceIsHedge[g] = hedge;
            _atDevice[g] = true;
            _works[g]!.Send(device);
        }
    }

    /// <summary>The last of the devices decides: they share their threads.</summary>
    private void LocalAnswered(long now)
    {
        if (--_localOut == 0 && _localRounds == 1)
            _localTimes.Add(_localWork, now - _localSent);
    }

    private void CountHedge(int g)
    {
        Disturbed(g, LateOwner(g), StallCause.Late);
        _hedged[g] = true;
        _sends[g]++;
        _faults.CountHedge();
    }

    private string LateOwner(int g)
    {
        for (int t = g * TicketsPerGroup; t < (g + 1) * TicketsPerGroup; t++)
            if (_tickets[t].Lane is { } lane)
                return lane.Link.NodeId;
        return _self;
    }

    private void CountSend(int g)
    {
        if (_sends[g]++ > 0)
            _faults.CountResent();
    }

    /// <summary>A link is dead: what waits for it must be sent elsewhere.</summary>
    private void Lost(PeerLane lane)
    {
        _refused.RemoveAll(r => ReferenceEquals(r.Lane, lane));
        for (int t = 0; t < _tickets.Length; t++)
        {
            if (!ReferenceEquals(_tickets[t].Lane, lane))
                continue;
            _tickets[t] = default;
            if (_buffer is not null && !_done[t / TicketsPerGroup])
                Disturbed(t / TicketsPerGroup, lane.Link.NodeId, StallCause.LinkDown);
        }
    }

    private PeerLane? LaneOf(ILinkPort link)
    {
        foreach (var lane in _lanes)
            if (ReferenceEquals(lane.Link, link))
                return lane;
        return null;
    }

    private AnswerTimes TimesOf(string nodeId)
    {
        if (!_times.TryGetValue(nodeId, out var times))
            _times[nodeId] = times = new AnswerTimes(_hedging, _frequency);
        return times;
    }
}
