using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Wire.Proto;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Actors.Tests.Links;

/// <summary>A listener with no devices behind it, and what hostile or broken peers can do to it: lose their own connection.</summary>
public sealed class LinkFaultTests : IDisposable
{
    private static readonly LinkOptions Options = new(UnixFolder: "", Heartbeat: TimeSpan.FromMilliseconds(50)) { HandshakeTimeout = TimeSpan.FromSeconds(1) };
    private static readonly LinkLimits Limits = new(TestModel.Bf16.Manifest, 8, Options.InFlight);
    private static readonly LinkIdentity Self = new("server", TestModel.Bf16.Manifest.Digest, 1);

    private readonly ActorSystem _system = ActorSystem.Create("links");
    private readonly RecordingLog _log = new();
    private readonly LinkServer _server;

    public LinkFaultTests() => _server = new LinkServer(TestModel.Bf16.Manifest, Self, Limits, Options, new LocalDevices(8), _log);

    public void Dispose()
    {
        _server.Dispose();
        _system.Terminate().Wait(TimeSpan.FromSeconds(10));
    }

    private Socket Connect()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        socket.Connect(IPEndPoint.Parse(_server.Endpoints.Tcp));
        return socket;
    }

    private static LinkHello Hello(string? digest = null, int numerics = 1, string server = "server", int maxRows = 8) => new()
    {
        NodeId = "peer", ExpectedNodeId = server, ModelDigest = digest ?? Self.ModelDigest, NumericsVersion = numerics, MaxRows = maxRows,
    };

    private LinkSocket Welcomed(out Socket socket)
    {
        socket = Connect();
        var link = new LinkSocket(socket);
        link.SendHandshake(LinkFrameKind.Hello, Hello());
        Assert.Equal("server", link.ReceiveHandshake(link.ReceiveHeader(), LinkWelcome.Parser).NodeId);
        return link;
    }

    /// <summary>Heartbeats may come first; then the end.</summary>
    private static void AssertClosed(Socket socket)
    {
        var buffer = new byte[4096];
        try
        {
            for (int reads = 0; socket.Receive(buffer) > 0; reads++)
                Assert.True(reads < 200, "the connection is still alive");
        }
        catch (SocketException e)
        {
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        }
    }

    private void AssertStillServing() => Welcomed(out var socket).Dispose();

    [Theory]
    [InlineData("garbage", "frame magic is 0x20544547")]
    [InlineData("version", "link protocol version is 9")]
    [InlineData("kind", "frame kind 77 is not known")]
    [InlineData("reserved", "reserved frame bytes are not 0")]
    [InlineData("negative", "frame payload of -1 bytes")]
    [InlineData("oversize", "dispatch payload of 2147483647 bytes")]
    [InlineData("rows", "rows 9 are not in 1..8")]
    [InlineData("layer", "layer 3 is not in 0..2")]
    [InlineData("groups", "groups 9 are not in 1..8")]
    [InlineData("unasked reply", "unexpected Reply frame")]
    [InlineData("group id", "group 8 is not in 0..7")]
    [InlineData("expert id", "expert 4 is not in 0..3")]
    [InlineData("half frame", "the peer closed the connection")]
    [InlineData("silence", "silent for 700 ms")]
    public async Task Server_should_end_only_that_link_and_log_why_when_a_peer_misbehaves(string fault, string reason)
    {
        using var link = Welcomed(out var socket);
        socket.Send(Frame(fault));
        if (fault == "half frame")
            socket.Shutdown(SocketShutdown.Send);
        AssertClosed(socket);
        await Eventually.Holds(() => _log.Lines.Any(l => l.Contains(reason, StringComparison.Ordinal)), $"logged '{reason}'");
        AssertStillServing();
    }

    private static byte[] Frame(string fault)
    {
        var dispatch = new LayerDispatch(TestModel.Bf16.Manifest, 8) { Rows = 2, StepId = 1, Layer = 0 };
        // The first expert of a row is 0, the second must be higher.
        for (int i = 1; i < dispatch.Experts.Length; i += 2)
            dispatch.Experts[i] = fault == "expert id" ? 4 : 1;
        var frame = new byte[LinkHeader.Bytes + Limits.MaxDispatchBytes];
        int length = LinkFrames.WriteDispatch(Limits, dispatch, fault == "group id" ? [0, 8] : [0, 1], 1, frame);
        var good = LinkHeader.Read(frame);
        LinkHeader? bad = fault switch
        {
            "oversize" => good with { PayloadBytes = int.MaxValue },
            "negative" => good with { PayloadBytes = -1 },
            "rows" => good with { Rows = 9, PayloadBytes = Limits.DispatchBytes(9, 2) },
            "layer" => good with { Layer = 3 },
            "groups" => good with { Groups = 9 },
            "unasked reply" => good with { Kind = LinkFrameKind.Reply },
            _ => null,
        };
        bad?.Write(frame);
        if (fault == "garbage")
            new byte[] { 0x47, 0x45, 0x54, 0x20 }.CopyTo(frame, 0);
        else if (fault == "version")
            frame[4] = 9;
        else if (fault == "kind")
            frame[6] = 77;
        else if (fault == "reserved")
            frame[40] = 1;
        return fault switch { "silence" => [], "half frame" => frame[..(length / 2)], _ => frame[..length] };
    }

    /// <summary>Damaged hellos and dispatches: one connection each, which ends, and nobody else's.</summary>
    [Fact]
    public void Server_should_serve_on_when_frames_are_anything()
    {
        var random = new Random(20_261_124);
        for (int i = 0; i < 200; i++)
        {
            Socket socket;
            byte[] frame;
            if (i % 2 == 0)
            {
                socket = Connect();
                byte[] hello = Google.Protobuf.MessageExtensions.ToByteArray(Hello());
                frame = new byte[LinkHeader.Bytes + hello.Length];
                new LinkHeader(LinkFrameKind.Hello, hello.Length).Write(frame);
                hello.CopyTo(frame, LinkHeader.Bytes);
            }
            else
            {
                Welcomed(out socket);
                frame = Frame("none");
            }
            for (int wounds = random.Next(1, 5); wounds > 0; wounds--)
                frame[random.Next(random.Next(2) == 0 ? Math.Min(LinkHeader.Bytes, frame.Length) : frame.Length)] = (byte)random.Next(256);
            using (socket)
            {
                socket.Send(frame.AsSpan(0, random.Next(3) == 0 ? random.Next(frame.Length) : frame.Length));
                socket.Shutdown(SocketShutdown.Send);
                AssertClosed(socket);
            }
        }
        AssertStillServing();
    }

    [Theory]
    [InlineData("digest", "model digest is 00ff")]
    [InlineData("numerics", "numerics version is 2")]
    [InlineData("server", "this is node server, not other")]
    [InlineData("rows", "max_rows is 9")]
    public void Server_should_refuse_with_a_reason_when_the_handshake_does_not_match(string what, string reason)
    {
        using var socket = Connect();
        var link = new LinkSocket(socket);
        link.SendHandshake(LinkFrameKind.Hello, what switch
        {
            "digest" => Hello(digest: "00ff"),
            "numerics" => Hello(numerics: 2),
            "server" => Hello(server: "other"),
            _ => Hello(maxRows: 9),
        });

        var header = link.ReceiveHeader();

        Assert.Equal(LinkFrameKind.Refused, header.Kind);
        Assert.StartsWith(reason, link.ReceiveHandshake(header, LinkRefused.Parser).Reason, StringComparison.Ordinal);
        AssertClosed(socket);
        AssertStillServing();
    }

    [Fact]
    public void Server_should_answer_not_ready_when_it_has_no_device_for_a_group()
    {
        using var link = Welcomed(out var socket);
        socket.Send(Frame("none"));
        var header = link.ReceiveHeader();
        while (header.Kind == LinkFrameKind.Heartbeat)
            header = link.ReceiveHeader();
        var reply = new LinkReply(Limits, _ => { });

        header.CheckExchange(Limits);
        LinkFrames.ReadReply(Limits, header, link, new byte[PayloadReader.ScratchBytes], reply);

        Assert.Equal((1L, 0, 1L, 2, 2), (header.Step, header.Layer, header.Attempt, header.Rows, header.Groups));
        Assert.Equal([ComputeStatus.NotReady, ComputeStatus.NotReady], reply.Status[..2]);
    }

    [Fact]
    public async Task Link_should_suspect_its_peer_when_three_heartbeats_are_missed()
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var inbox = Inbox.Create(_system);
        using var link = new ExpertLink(
            "server", new LinkEndpoints("", listener.LocalEndPoint!.ToString()!, ""), Self with { NodeId = "me" }, "", Limits, Options, TimeProvider.System,
            inbox.Receiver);
        using var peer = new LinkSocket(await listener.AcceptAsync());
        peer.ReceiveHandshake(peer.ReceiveHeader(), LinkHello.Parser);
        peer.SendHandshake(LinkFrameKind.Welcome, new LinkWelcome { NodeId = "server", ModelDigest = Self.ModelDigest, NumericsVersion = 1 });

        Assert.IsType<LinkEvents.Up>(inbox.Receive(TimeSpan.FromSeconds(10)));
        var down = Assert.IsType<LinkEvents.Down>(inbox.Receive(TimeSpan.FromSeconds(10)));

        Assert.StartsWith("silent for 175 ms", down.Reason, StringComparison.Ordinal);
        Assert.False(link.IsUp);
    }
}
