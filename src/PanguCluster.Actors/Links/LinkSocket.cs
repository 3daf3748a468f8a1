using System.Net.Sockets;
using Google.Protobuf;

namespace PanguCluster.Actors.Links;

/// <summary>A blocking socket that speaks frames. Blocking calls only: a single asynchronous one would slow all later ones down.</summary>
internal sealed class LinkSocket(Socket socket) : IDisposable
{
    private readonly byte[] _header = new byte[LinkHeader.Bytes];

    public void SetSilence(TimeSpan silence)
    {
        socket.ReceiveTimeout = (int)silence.TotalMilliseconds;
        socket.SendTimeout = (int)silence.TotalMilliseconds * 4;
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0)
                bytes = bytes[socket.Send(bytes)..];
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
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
                int n = socket.Receive(to);
                if (n == 0)
                    throw new LinkException("the peer closed the connection") { Orderly = betweenFrames && to.Length == length };
                to = to[n..];
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            throw new LinkException($"silent for {socket.ReceiveTimeout} ms", e);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
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

    public void Dispose() => socket.Dispose();

    private static LinkException Broken(Exception e) => new(
        e is SocketException s ? $"connection broken ({s.SocketErrorCode})" : "connection closed", e);
}
