using System.Net;
using Akka.Actor;
using Akka.Event;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Weights;
using PanguCluster.Actors.Wire.Proto;

namespace PanguCluster.Actors.Links;

/// <summary>
/// The receiving end of one peer's link: a reader thread that tells the local devices, a writer thread that sends one reply frame per
/// dispatch when the last of its groups is done. Buffers are its own and bounded by <see cref="LinkOptions.InFlight"/>.
/// </summary>
internal sealed class LinkSession : IDisposable
{
    private readonly LinkSocket _socket;
    private readonly IPEndPoint? _remote;
    private readonly LinkIdentity _self;
    private readonly LinkLimits _limits;
    private readonly LinkOptions _options;
    private readonly LocalDevices _devices;
    private readonly FileServing? _files;
    private readonly ILoggingAdapter _log;
    private readonly Action<LinkSession> _ended;
    private readonly object _gate = new();
    private readonly Queue<LinkSlot> _answered = new();
    private readonly Stack<LinkSlot> _free = new();
    private LinkSlot[] _slots = [];
    private string _peer;
    private bool _sending;
    private bool _closed;

    public LinkSession(
        LinkSocket socket, IPEndPoint? remote, LinkIdentity self, Func<LinkSession, LinkSlot> newSlot, LinkLimits limits, LinkOptions options, LocalDevices devices,
        FileServing? files, ILoggingAdapter log, Action<LinkSession> ended)
    {
        _socket = socket;
        _remote = remote;
        _self = self;
        _limits = limits;
        _options = options;
        _devices = devices;
        _files = files;
        _log = log;
        _ended = ended;
        _peer = remote is null ? "not yet named" : $"not yet named, at {remote},";
        NewSlot = newSlot;
    }

    private Func<LinkSession, LinkSlot> NewSlot { get; }

    public void Start() => new Thread(RunReader) { IsBackground = true, Name = "link-session-in" }.Start();

    public void Dispose() => Close(null);

    /// <summary>Called by a slot, on a device's thread, when its last group is done.</summary>
    public void Answered(LinkSlot slot)
    {
        lock (_gate)
        {
            _answered.Enqueue(slot);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A device has gone: what waits in its mailbox will never be computed.</summary>
    public void DeviceRemoved()
    {
        foreach (var slot in Volatile.Read(ref _slots))
            slot.RevokeOrphans(_devices);
    }

    private void RunReader()
    {
        try
        {
            var hello = Handshake();
            if (hello.File.Length > 0)
            {
                ServeFile(hello);
                return;
            }
            new Thread(RunWriter) { IsBackground = true, Name = $"link-session-out-{_peer}" }.Start();
            while (ReadFrame())
            {
            }
        }
        catch (Exception e)
        {
            Close(e);
        }
    }

    private LinkHello Handshake()
    {
        _socket.SetSilence(_options.HandshakeTimeout);
        // A peer that sends a byte now and then is not silent, but must not hold a place for ever.
        using var limit = new Timer(_ => _socket.Dispose(), null, _options.HandshakeTimeout, Timeout.InfiniteTimeSpan);
        if (_remote is not null && _options.Credentials is { } credentials)
            _socket.SecureAsServer(credentials);
        var header = _socket.ReceiveHeader();
        if (header.Kind != LinkFrameKind.Hello)
            throw new LinkException($"expected a hello, got {header.Kind}");
        var hello = _socket.ReceiveHandshake(header, LinkHello.Parser);
        if (hello.NodeId.Length is 0 or > 128)
            throw new LinkException("hello without a node id, or one over 128 characters");
        _peer = hello.NodeId;
        if (Refusal(hello) is { } reason)
        {
            _socket.SendHandshake(LinkFrameKind.Refused, new LinkRefused { Reason = reason });
            throw new LinkException("refused: " + reason);
        }
        if (hello.File.Length > 0)
            return hello;
        var slots = new LinkSlot[_options.InFlight];
        for (int i = 0; i < slots.Length; i++)
        {
            slots[i] = NewSlot(this);
            _free.Push(slots[i]);
        }
        Volatile.Write(ref _slots, slots);
        _socket.SendHandshake(LinkFrameKind.Welcome, new LinkWelcome
        {
            NodeId = _self.NodeId, ModelDigest = _self.ModelDigest, NumericsVersion = _self.NumericsVersion,
        });
        _socket.SetSilence(_options.SessionSilence);
        return hello;
    }

    private void ServeFile(LinkHello hello)
    {
        if (_files is null)
        {
            _socket.SendHandshake(LinkFrameKind.Refused, new LinkRefused { Reason = "this node serves no files" });
            throw new LinkException("refused: this node serves no files");
        }
        _files.Serve(_socket, hello, new LinkWelcome
        {
            NodeId = _self.NodeId, ModelDigest = _self.ModelDigest, NumericsVersion = _self.NumericsVersion,
        });
        Close(null);
    }

    private string? Refusal(LinkHello hello)
    {
        if (hello.ExpectedNodeId != _self.NodeId)
            return $"this is node {_self.NodeId}, not {Short(hello.ExpectedNodeId)}";
        if (hello.ModelDigest != _self.ModelDigest)
            return $"model digest is {Short(hello.ModelDigest)}, this node serves {Short(_self.ModelDigest)}";
        if (hello.NumericsVersion != _self.NumericsVersion)
            return $"numerics version is {hello.NumericsVersion}, this node computes {_self.NumericsVersion}";
        return hello.MaxRows > _limits.MaxRows ? $"max_rows is {hello.MaxRows}, this node takes {_limits.MaxRows}" : null;
    }

    private static string Short(string text) => text.Length <= 64 ? text : text[..64] + "...";

    private bool ReadFrame()
    {
        var header = _socket.ReceiveHeader();
        if (header.Kind == LinkFrameKind.Heartbeat && header.PayloadBytes == 0)
            return true;
        if (header.Kind != LinkFrameKind.Dispatch)
            throw new LinkException($"unexpected {header.Kind} frame of {header.PayloadBytes} bytes");
        header.CheckExchange(_limits);
        LinkSlot slot;
        lock (_gate)
        {
            if (_closed)
                return false;
            if (_free.Count == 0)
                throw new LinkException($"more than {_options.InFlight} unanswered dispatches");
            slot = _free.Pop();
        }
        slot.Receive(header, _socket);
        slot.Compute(_devices);
        return true;
    }

    private void RunWriter()
    {
        try
        {
            var heartbeat = new byte[LinkHeader.Bytes];
            new LinkHeader(LinkFrameKind.Heartbeat, 0).Write(heartbeat);
            while (true)
            {
                LinkSlot? slot;
                lock (_gate)
                {
                    if (_answered.Count == 0 && !_closed)
                        Monitor.Wait(_gate, _options.HeartbeatInterval);
                    if (_closed)
                        return;
                    _answered.TryDequeue(out slot);
                    _sending = true;
                }
                if (slot is null)
                    _socket.Send(heartbeat);
                else
                    slot.SendReply(_socket);
                lock (_gate)
                {
                    _sending = false;
                    if (slot is not null)
                        _free.Push(slot);
                }
            }
        }
        catch (Exception e)
        {
            Close(e);
        }
    }

    /// <param name="why">Null: this node ends the link.</param>
    private void Close(Exception? why)
    {
        bool farewell;
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
            farewell = !_sending && _slots.Length > 0 && why is not LinkException { Loss: PeerLoss.Reset };
            Monitor.PulseAll(_gate);
        }
        // Without a word the peer would take this process for dead.
        if (farewell)
            _socket.TrySayFarewell(why?.Message ?? "the node stops");
        _socket.Dispose();
        if (why is LinkException { Orderly: true })
            _log.Info("link from node {0} ended: {1}", _peer, why.Message);
        else if (why is LinkException)
            _log.Warning("link from node {0} ended: {1}", _peer, why.Message);
        else if (why is not null)
            _log.Error(why, "link from node {0} ended unexpectedly", _peer);
        _ended(this);
    }
}
