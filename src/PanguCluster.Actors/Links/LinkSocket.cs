using System.Net.Security;
using System.Net.Sockets;
using Google.Protobuf;
using PanguCluster.Actors.Credentials;
using PanguCluster.Actors.Wire.Proto;

namespace PanguCluster.Actors.Links;

/// <summary>A blocking socket that speaks frames. Blocking calls only: a single asynchronous one would slow all later ones down.</summary>
internal sealed class LinkSocket(Socket socket) : IDisposable
{
    private const int FarewellMilliseconds = 50;
    private const int LongestReason = 200;

    private readonly byte[] _header = new byte[LinkHeader.Bytes];
    private SslStream? _tls;

    public bool IsSecure => _tls is not null;

    /// <summary>Encrypts all that follows; to be called before any other thread knows of this socket.</summary>
    /// <exception cref="LinkException">The peer's certificate is refused, or the handshake fails.</exception>
    public void SecureAsClient(NodeCredentials credentials) => _tls = LinkTls.AsClient(socket, credentials);

    /// <inheritdoc cref="SecureAsClient"/>
    public void SecureAsServer(NodeCredentials credentials) => _tls = LinkTls.AsServer(socket, credentials);

    public void SetSilence(TimeSpan silence)
    {
        socket.ReceiveTimeout = (int)silence.TotalMilliseconds;
        socket.SendTimeout = (int)silence.TotalMilliseconds * 4;
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (_tls is { } tls)
            {
                tls.Write(bytes);
                return;
            }
            while (bytes.Length > 0)
                bytes = bytes[socket.Send(bytes)..];
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            throw Broken(e);
        }
    }

    public void Receive(Span<byte> to) => Receive(to, betweenFrames: false);

    private void Receive(Span<byte> to, bool betweenFrames)
    {
        try
        {
            int length = to.Length;
            while (to.Length > 0)
            {
                int n = _tls is { } tls ? tls.Read(to) : socket.Receive(to);
                if (n == 0)
                    throw new LinkException("the peer closed the connection") { Loss = PeerLoss.Reset, Orderly = betweenFrames && to.Length == length };
                to = to[n..];
            }
        }
        catch (Exception e) when (SocketErrorOf(e) is SocketError.TimedOut or SocketError.WouldBlock)
        {
            throw new LinkException($"silent for {socket.ReceiveTimeout} ms", e);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            throw Broken(e);
        }
    }

    public LinkHeader ReceiveHeader()
    {
        Receive(_header, betweenFrames: true);
        return LinkHeader.Read(_header);
    }

    public void SendHandshake(LinkFrameKind kind, IMessage message)
    {
        byte[] payload = message.ToByteArray();
        var frame = new byte[LinkHeader.Bytes + payload.Length];
        new LinkHeader(kind, payload.Length).Write(frame);
        payload.CopyTo(frame, LinkHeader.Bytes);
        Send(frame);
    }

    /// <summary>Says why this end closes. Only while nobody else sends; lost if the peer does not take it at once.</summary>
    public void TrySayFarewell(string reason)
    {
        try
        {
            socket.SendTimeout = FarewellMilliseconds;
            SendHandshake(LinkFrameKind.Refused, new LinkRefused { Reason = reason.Length <= LongestReason ? reason : reason[..LongestReason] });
        }
        catch (Exception e) when (e is LinkException or ObjectDisposedException)
        {
            // The connection is gone already, which says it as well.
        }
    }

    public T ReceiveHandshake<T>(LinkHeader header, MessageParser<T> parser) where T : IMessage<T>
    {
        if (header.PayloadBytes > LinkHeader.MaxHandshakeBytes)
            throw new LinkException($"handshake of {header.PayloadBytes} bytes, the limit is {LinkHeader.MaxHandshakeBytes}");
        var payload = new byte[header.PayloadBytes];
        Receive(payload);
        try
        {
            return parser.ParseFrom(payload);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new LinkException("handshake cannot be read: " + e.Message, e);
        }
    }

    /// <summary>The socket goes first: that ends what other threads wait for.</summary>
    public void Dispose()
    {
        socket.Dispose();
        _tls?.Dispose();
    }

    private static LinkException Broken(Exception e) => new(
        SocketErrorOf(e) is { } error ? $"connection broken ({error})" : e is IOException ? e.Message : "connection closed", e)
    {
        // Not ConnectionAborted: that is this end, closing a socket whose time is up.
        Loss = SocketErrorOf(e) is SocketError.ConnectionReset or SocketError.Shutdown ? PeerLoss.Reset : PeerLoss.Silent,
    };

    /// <summary>TLS wraps what the socket says.</summary>
    private static SocketError? SocketErrorOf(Exception e) => ((e as SocketException) ?? e.InnerException as SocketException)?.SocketErrorCode;
}
