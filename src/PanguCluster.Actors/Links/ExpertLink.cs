using Akka.Actor;
using PanguCluster.Actors.Wire.Proto;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Links;

/// <summary>
/// The dispatching end of a link: one connection to one peer for as long as it holds. A writer thread connects and sends, a reader thread
/// receives; both only hand over to the router. Never reconnects: the router makes a new one.
/// </summary>
public sealed class ExpertLink : ILinkPort, IDisposable
{
    private const int ReplyBuffers = 2;

    private readonly LinkOptions _options;
    private readonly LinkLimits _limits;
    private readonly LinkIdentity _self;
    private readonly LinkEndpoints _peer;
    private readonly string _hostId;
    private readonly TimeProvider _time;
    private readonly IActorRef _router;
    private readonly object _gate = new();
    private readonly Queue<int> _toSend = new();
    private readonly Stack<int> _free = new();
    private readonly Stack<LinkReply> _replies = new();
    private readonly byte[] _scratch = new byte[PayloadReader.ScratchBytes];
    private byte[][] _frames = [];
    private int[] _lengths = [];
    private int _unanswered;
    private LinkSocket? _socket;
    private bool _up;
    private bool _closed;

    public ExpertLink(
        string nodeId, LinkEndpoints peer, LinkIdentity self, string hostId, LinkLimits limits, LinkOptions options, TimeProvider time, IActorRef router)
    {
        NodeId = nodeId;
        _peer = peer;
        _self = self;
        _hostId = hostId;
        _limits = limits;
        _options = options;
        _time = time;
        _router = router;
        new Thread(RunWriter) { IsBackground = true, Name = $"link-out-{nodeId}" }.Start();
    }

    public string NodeId { get; }

    public bool IsUp => Volatile.Read(ref _up);

    public bool TrySend(LayerDispatch dispatch, ReadOnlySpan<int> groups, long attempt)
    {
        lock (_gate)
        {
            if (!_up || _unanswered == _limits.InFlight || _free.Count == 0)
                return false;
            int slot = _free.Pop();
            _lengths[slot] = LinkFrames.WriteDispatch(_limits, dispatch, groups, attempt, _frames[slot]);
            _unanswered++;
            _toSend.Enqueue(slot);
            Monitor.PulseAll(_gate);
            return true;
        }
    }

    public void Dispose() => Close("closed by this node", refused: false, PeerLoss.Silent, tell: false);

    private void RunWriter()
    {
        try
        {
            Open();
            var heartbeat = new byte[LinkHeader.Bytes];
            new LinkHeader(LinkFrameKind.Heartbeat, 0).Write(heartbeat);
            while (true)
            {
                int slot = NextFrame();
                if (slot == Closed)
                    return;
                if (slot == Idle)
                {
                    _socket!.Send(heartbeat);
                    continue;
                }
                _socket!.Send(_frames[slot].AsSpan(0, _lengths[slot]));
                lock (_gate)
                    _free.Push(slot);
            }
        }
        catch (LinkException e)
        {
            Close(e.Message, e.Refused, e.Loss, tell: true);
        }
        catch (Exception e)
        {
            Close("unexpected: " + e.Message, refused: false, PeerLoss.Silent, tell: true);
        }
    }

    private const int Idle = -1;
    private const int Closed = -2;

    /// <summary>A frame to send, or after a heartbeat interval without one, Idle.</summary>
    private int NextFrame()
    {
        lock (_gate)
        {
            if (_toSend.Count == 0 && !_closed)
                Monitor.Wait(_gate, _options.HeartbeatInterval);
            return _closed ? Closed : _toSend.Count == 0 ? Idle : _toSend.Dequeue();
        }
    }

    private void Open()
    {
        var (socket, endpoint) = LinkConnector.Connect(_options, _self, _limits.MaxRows, NodeId, _peer, _hostId, _time);
        lock (_gate)
        {
            if (_closed)
            {
                socket.Dispose();
                return;
            }
            _socket = socket;
            _frames = new byte[_limits.InFlight][];
            _lengths = new int[_limits.InFlight];
            for (int i = 0; i < _frames.Length; i++)
            {
                _frames[i] = GC.AllocateUninitializedArray<byte>(LinkHeader.Bytes + _limits.MaxDispatchBytes);
                _free.Push(i);
            }
            for (int i = 0; i < ReplyBuffers; i++)
                _replies.Push(new LinkReply(_limits, Release) { Link = this });
            _up = true;
        }
        new Thread(RunReader) { IsBackground = true, Name = $"link-in-{NodeId}" }.Start();
        _router.Tell(new LinkEvents.Up(this, endpoint));
    }

    private void RunReader()
    {
        try
        {
            while (ReadFrame())
            {
            }
        }
        catch (LinkException e)
        {
            Close(e.Message, refused: false, e.Loss, tell: true);
        }
        catch (Exception e)
        {
            Close("unexpected: " + e.Message, refused: false, PeerLoss.Silent, tell: true);
        }
    }

    private bool ReadFrame()
    {
        var header = _socket!.ReceiveHeader();
        if (header.Kind == LinkFrameKind.Heartbeat && header.PayloadBytes == 0)
            return true;
        if (header.Kind == LinkFrameKind.Refused)
            throw new LinkException("ended by the peer: " + _socket.ReceiveHandshake(header, LinkRefused.Parser).Reason);
        if (header.Kind != LinkFrameKind.Reply)
            throw new LinkException($"unexpected {header.Kind} frame of {header.PayloadBytes} bytes");
        header.CheckExchange(_limits);
        var reply = AcquireReply();
        if (reply is null)
            return false;
        LinkFrames.ReadReply(_limits, header, _socket, _scratch, reply);
        lock (_gate)
        {
            if (_closed)
                return false;
            if (--_unanswered < 0)
                throw new LinkException("a reply nobody asked for");
        }
        _router.Tell(reply);
        return true;
    }

    private LinkReply? AcquireReply()
    {
        lock (_gate)
        {
            while (_replies.Count == 0 && !_closed)
                Monitor.Wait(_gate);
            return _closed ? null : _replies.Pop();
        }
    }

    private void Release(LinkReply reply)
    {
        lock (_gate)
        {
            _replies.Push(reply);
            Monitor.PulseAll(_gate);
        }
    }

    private void Close(string reason, bool refused, PeerLoss loss, bool tell)
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
            _up = false;
            Monitor.PulseAll(_gate);
        }
        _socket?.Dispose();
        if (tell)
            _router.Tell(new LinkEvents.Down(this, reason, refused, loss));
    }
}
