using System.Net;
using System.Net.Sockets;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Weights;
using PanguCluster.Actors.Wire.Proto;

namespace PanguCluster.Actors.Tests.Weights;

/// <summary>A listener that answers each file asked for as the test says, and remembers from which offsets it was asked.</summary>
internal sealed class ScriptedPeer : IDisposable
{
    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly Action<LinkSocket, LinkHello> _answer;

    /// <param name="answer">Called after the hello; the connection ends when it returns.</param>
    public ScriptedPeer(string nodeId, Action<LinkSocket, LinkHello> answer)
    {
        _answer = answer;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(8);
        Peer = new FilePeer(nodeId, new LinkEndpoints("", _listener.LocalEndPoint!.ToString()!, "elsewhere"));
        new Thread(Accept) { IsBackground = true, Name = $"scripted-{nodeId}" }.Start();
    }

    public FilePeer Peer { get; }
    public List<long> Offsets { get; } = [];

    public void Dispose() => _listener.Dispose();

    public static void Welcome(LinkSocket socket, LinkHello hello, long bytes) => socket.SendHandshake(LinkFrameKind.Welcome, new LinkWelcome
    {
        NodeId = hello.ExpectedNodeId, ModelDigest = hello.ModelDigest, NumericsVersion = hello.NumericsVersion, FileBytes = bytes,
    });

    public static void Chunk(LinkSocket socket, long offset, ReadOnlySpan<byte> bytes)
    {
        var header = new byte[LinkHeader.Bytes];
        new LinkHeader(LinkFrameKind.FileChunk, bytes.Length, Step: offset).Write(header);
        socket.Send(header);
        socket.Send(bytes);
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                using var socket = new LinkSocket(_listener.Accept());
                try
                {
                    var hello = socket.ReceiveHandshake(socket.ReceiveHeader(), LinkHello.Parser);
                    lock (Offsets)
                        Offsets.Add(hello.FileOffset);
                    _answer(socket, hello);
                }
                catch (LinkException)
                {
                    // The fetching side has gone: some tests want that.
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }
}
