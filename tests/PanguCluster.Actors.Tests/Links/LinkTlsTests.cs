using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using PanguCluster.Actors.Credentials;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Wire.Proto;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Actors.Tests.Links;

/// <summary>A listener that wants TLS, and peers that have the right certificate or not.</summary>
public sealed class LinkTlsTests : IDisposable
{
    private static readonly LinkOptions Plain = new(UnixFolder: "", Heartbeat: TimeSpan.FromMilliseconds(100)) { HandshakeTimeout = TimeSpan.FromSeconds(3) };
    private static readonly LinkOptions Secure = Plain with { Credentials = TestCertificates.Good };
    private static readonly LinkLimits Limits = new(TestModel.Bf16.Manifest, 8, Plain.InFlight);
    private static readonly LinkIdentity Self = new("server", TestModel.Bf16.Manifest.Digest, 1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ActorSystem _system = ActorSystem.Create("tls-links");
    private readonly RecordingLog _log = new();
    private readonly LinkServer _server;

    public LinkTlsTests() => _server = Serve(Secure);

    public void Dispose()
    {
        _server.Dispose();
        _system.Terminate().Wait(Patience);
    }

    private LinkServer Serve(LinkOptions options) => new(TestModel.Bf16.Manifest, Self, Limits, options, new LocalDevices(8), _log);

    private object Connect(LinkServer server, LinkOptions options, Action<ExpertLink, Inbox>? use = null, string hostId = "")
    {
        var inbox = Inbox.Create(_system);
        using var link = new ExpertLink("server", server.Endpoints, Self with { NodeId = "me" }, hostId, Limits, options, TimeProvider.System, inbox.Receiver);
        object told = inbox.Receive(Patience);
        use?.Invoke(link, inbox);
        return told;
    }

    [Fact]
    public void Link_should_carry_rows_over_tls_when_both_ends_have_a_node_s_certificate()
    {
        var up = Connect(_server, Secure, (link, inbox) =>
        {
            var dispatch = new LayerDispatch(TestModel.Bf16.Manifest, 8) { Rows = 8, StepId = 7, Layer = 1 };
            for (int i = 1; i < dispatch.Experts.Length; i += 2)
                dispatch.Experts[i] = 1;
            for (long attempt = 1; attempt <= 20; attempt++)
            {
                Assert.True(link.TrySend(dispatch, [0, 1, 2], attempt));
                var reply = Assert.IsType<LinkReply>(inbox.Receive(Patience));
                Assert.Equal((7L, attempt, ComputeStatus.NotReady), (reply.Header.Step, reply.Header.Attempt, reply.Status[2]));
                reply.Release();
            }
        });

        Assert.IsType<LinkEvents.Up>(up);
    }

    [Fact]
    public async Task Rows_should_not_be_readable_on_the_wire_when_the_link_is_over_tls()
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var link = new ExpertLink(
            "server", new LinkEndpoints("", listener.LocalEndPoint!.ToString()!, ""), Self with { NodeId = "me" }, "", Limits, Secure, TimeProvider.System,
            Inbox.Create(_system).Receiver);
        using var peer = await listener.AcceptAsync();
        var first = new byte[3];
        peer.Receive(first);

        // A TLS record of a handshake, and no frame of ours.
        Assert.Equal(22, first[0]);
        Assert.Equal(3, first[1]);
    }

    public static TheoryData<string> Bad => ["none", "wrong authority", "expired", "client only"];

    private static X509Certificate2? Certificate(string which) => which switch
    {
        "wrong authority" => TestCertificates.WrongAuthority,
        "expired" => TestCertificates.Expired,
        "client only" => TestCertificates.ClientOnly,
        _ => null,
    };

    private static string Reason(string which) => which switch
    {
        "wrong authority" => "'CN=wrong' is not signed by CN=cluster",
        "expired" => "'CN=expired' is valid from",
        "client only" => "is no node's",
        _ => "certificate is missing",
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task Server_should_refuse_and_say_why_when_a_peer_s_certificate_is_bad(string which)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        socket.Connect(IPEndPoint.Parse(_server.Endpoints.Tcp));
        using var tls = new SslStream(new NetworkStream(socket));
        var certificate = Certificate(which);

        // In TLS 1.3 the client learns of it when it reads.
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "",
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
                ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
            });
            if (await tls.ReadAsync(new byte[1]) == 0)
                throw new IOException("closed");
        });

        await Eventually.Holds(() => _log.Lines.Any(l => l.Contains(Reason(which), StringComparison.Ordinal)), $"logged '{Reason(which)}': {string.Join(" | ", _log.Lines)}");
        Assert.IsType<LinkEvents.Up>(Connect(_server, Secure));
    }

    [Theory]
    [InlineData("wrong authority")]
    [InlineData("expired")]
    public async Task Link_should_refuse_and_say_why_when_the_server_s_certificate_is_bad(string which)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var accepting = Task.Run(async () =>
        {
            using var peer = await listener.AcceptAsync();
            using var tls = new SslStream(new NetworkStream(peer));
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(Certificate(which)!, null, offline: true),
            });
            await tls.ReadExactlyAsync(new byte[1]);
        });
        var inbox = Inbox.Create(_system);
        using var link = new ExpertLink(
            "server", new LinkEndpoints("", listener.LocalEndPoint!.ToString()!, ""), Self with { NodeId = "me" }, "", Limits, Secure, TimeProvider.System,
            inbox.Receiver);

        var down = Assert.IsType<LinkEvents.Down>(inbox.Receive(Patience));

        Assert.Contains(Reason(which), down.Reason, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() => accepting.WaitAsync(Patience));
    }

    [Fact]
    public async Task Both_ends_should_say_so_when_one_of_them_has_no_certificate()
    {
        var down = Assert.IsType<LinkEvents.Down>(Connect(_server, Plain));
        Assert.StartsWith("no way to node server", down.Reason, StringComparison.Ordinal);
        await Eventually.Holds(() => _log.Lines.Any(l => l.Contains("no TLS with the peer", StringComparison.Ordinal)), "the server said so");

        using var plain = Serve(Plain);
        var secureDown = Assert.IsType<LinkEvents.Down>(Connect(plain, Secure));
        Assert.Contains("no TLS with the peer", secureDown.Reason, StringComparison.Ordinal);
        await Eventually.Holds(() => _log.Lines.Any(l => l.Contains("frame magic", StringComparison.Ordinal)), "the plain server said so");
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Unix_socket_should_stay_plain_and_private_when_tls_is_on()
    {
        string folder = Path.Combine(Directory.CreateTempSubdirectory("pangu-tls-").FullName, "sockets");
        using var server = Serve(Secure with { UnixFolder = folder });

        var up = Assert.IsType<LinkEvents.Up>(Connect(server, Secure, hostId: server.Endpoints.HostId));

        Assert.StartsWith("unix:", up.Endpoint, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(server.Endpoints.Unix));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
    }

    [Theory]
    [InlineData("wrong authority")]
    [InlineData("expired")]
    [InlineData("client only")]
    public void Credentials_should_be_refused_at_start_when_the_own_certificate_is_bad(string which)
    {
        var refused = Assert.Throws<CredentialException>(() => new NodeCredentials(Certificate(which)!, [TestCertificates.Authority.Certificate]));

        Assert.Contains(Reason(which), refused.Message, StringComparison.Ordinal);
    }
}
