using System.Net;
using System.Net.Sockets;
using Akka.Event;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Weights;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Links;

/// <summary>Listens for peers' links on a Unix-domain socket and on TCP. A bad peer ends its own link and nothing else.</summary>
public sealed class LinkServer : IDisposable
{
    /// <summary>sun_path holds 108 bytes on Linux, the terminating zero included.</summary>
    private const int LongestUnixPath = 107;

    private readonly Manifest _manifest;
    private readonly LinkIdentity _self;
    private readonly LinkLimits _limits;
    private readonly LinkOptions _options;
    private readonly LocalDevices _devices;
    private readonly FileServing? _files;
    private readonly ILoggingAdapter _log;
    private readonly object _gate = new();
    private readonly HashSet<LinkSession> _sessions = [];
    private readonly List<Socket> _listeners = [];
    private readonly string? _ownFolder;
    private bool _closed;

    /// <param name="files">What peers may fetch; null: nothing.</param>
    /// <exception cref="SocketException">The TCP address cannot be bound.</exception>
    public LinkServer(
        Manifest manifest, LinkIdentity self, LinkLimits limits, LinkOptions options, LocalDevices devices, ILoggingAdapter log, FileServing? files = null)
    {
        _manifest = manifest;
        _self = self;
        _limits = limits;
        _options = options;
        _devices = devices;
        _files = files;
        _log = log;
        string unix = "";
        string tcp = "";
        if (options.UnixFolder != "" && Socket.OSSupportsUnixDomainSockets)
            unix = ListenUnix(options.UnixFolder, out _ownFolder);
        if (options.Host is { } host)
            tcp = Advertised(ListenTcp(host, options.Port), options.AdvertisedHost);
        Endpoints = new LinkEndpoints(unix, tcp, HostIdentity.Current);
        _devices.Removed += OnDeviceRemoved;
    }

    public LinkEndpoints Endpoints { get; }

    public void Dispose()
    {
        LinkSession[] sessions;
        lock (_gate)
        {
            _closed = true;
            sessions = [.. _sessions];
        }
        _devices.Removed -= OnDeviceRemoved;
        foreach (var listener in _listeners)
            listener.Dispose();
        foreach (var session in sessions)
            session.Dispose();
        if (_ownFolder is not null)
            Directory.Delete(_ownFolder, recursive: true);
        else if (Endpoints.Unix.Length > 0)
            File.Delete(Endpoints.Unix);
    }

    private string ListenUnix(string? folder, out string? ownFolder)
    {
        // A folder of its own, readable by this user alone, keeps other users off the socket.
        ownFolder = folder is null ? Directory.CreateTempSubdirectory("pangu-").FullName : null;
        if (folder is not null && !OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder, OwnerOnly | UnixFileMode.UserExecute);
        string path = Path.Combine(folder ?? ownFolder!, $"{_self.NodeId}.link");
        if (System.Text.Encoding.UTF8.GetByteCount(path) > LongestUnixPath)
        {
            _log.Warning("no Unix-domain socket for links: the path {0} is longer than {1} bytes", path, LongestUnixPath);
            return "";
        }
        File.Delete(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listeners.Add(socket);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, OwnerOnly);
        Listen(socket, tcp: false);
        return path;
    }

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static IPEndPoint ListeningAt(Socket socket) => (IPEndPoint)socket.LocalEndPoint!;

    private static string Advertised(IPEndPoint listening, string? host) =>
        host is null ? listening.ToString() : $"{(host.Contains(':') ? $"[{host}]" : host)}:{listening.Port}";

    private IPEndPoint ListenTcp(string host, int port)
    {
        var address = IPAddress.TryParse(host, out var ip) ? ip : Dns.GetHostAddresses(host).First();
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listeners.Add(socket);
        socket.Bind(new IPEndPoint(address, port));
        Listen(socket, tcp: true);
        return ListeningAt(socket);
    }

    private void Listen(Socket listener, bool tcp)
    {
        listener.Listen(16);
        new Thread(() => Accept(listener, tcp)) { IsBackground = true, Name = tcp ? "link-accept-tcp" : "link-accept-unix" }.Start();
    }

    private void Accept(Socket listener, bool tcp)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = listener.Accept();
                if (tcp)
                    socket.NoDelay = true;
                else if (!SameUser.IsAtBothEnds(listener, socket))
                {
                    _log.Warning("link refused: the process at the other end of the Unix-domain socket runs as another user");
                    socket.Dispose();
                    continue;
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (Volatile.Read(ref _closed) || e is ObjectDisposedException)
                    return;
                _log.Warning("accepting a link failed: {0}", e.Message);
                // Out of file handles, most likely: give others the time to close some.
                lock (_gate)
                    Monitor.Wait(_gate, _options.HeartbeatInterval);
                continue;
            }
            Start(new LinkSocket(socket), tcp ? socket.RemoteEndPoint as IPEndPoint : null);
        }
    }

    /// <param name="remote">Null for a Unix-domain socket.</param>
    private void Start(LinkSocket socket, IPEndPoint? remote)
    {
        var session = new LinkSession(
            socket, remote, _self, s => new LinkSlot(_manifest, _limits, s), _limits, _options, _devices, _files, _log, s => { lock (_gate) _sessions.Remove(s); });
        lock (_gate)
        {
            if (_closed || _sessions.Count >= _options.MaxSessions)
            {
                if (!_closed)
                    _log.Warning("link refused: {0} links are open", _sessions.Count);
                socket.Dispose();
                return;
            }
            _sessions.Add(session);
        }
        session.Start();
    }

    private void OnDeviceRemoved()
    {
        LinkSession[] sessions;
        lock (_gate)
            sessions = [.. _sessions];
        foreach (var session in sessions)
            session.DeviceRemoved();
    }
}
