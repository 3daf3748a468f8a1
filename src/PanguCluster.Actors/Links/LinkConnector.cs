using System.Net;
using System.Net.Sockets;
using PanguCluster.Actors.Wire.Proto;

namespace PanguCluster.Actors.Links;

/// <summary>Opens a link to a peer: Unix-domain socket where both ends share a machine, TCP otherwise; then the handshake.</summary>
internal static class LinkConnector
{
    /// <param name="file">Not null: the connection is to carry this file, from the offset on, instead of rows.</param>
    /// <exception cref="LinkException">No endpoint answers, or the peer refuses.</exception>
    public static (LinkSocket Socket, string Endpoint) Connect(
        LinkOptions options, LinkIdentity self, int maxRows, string peerId, LinkEndpoints endpoints, string hostId, TimeProvider time,
        (string Name, long Offset)? file = null)
    {
        string tried = "";
        var loss = PeerLoss.NoListener;
        foreach (var (name, endpoint) in Candidates(endpoints, hostId))
        {
            try
            {
                return (Open(options, Hello(self, maxRows, peerId, file), endpoint, time), name);
            }
            catch (LinkException e) when (!e.Refused)
            {
                tried += $" {name}: {e.Message};";
                loss = e.Loss < loss ? e.Loss : loss;
            }
        }
        throw new LinkException($"no way to node {peerId}:{(tried.Length == 0 ? " it publishes no link endpoint" : tried.TrimEnd(';'))}")
        {
            Loss = tried.Length > 0 ? loss : PeerLoss.Silent,
        };
    }

    private static IEnumerable<(string, EndPoint)> Candidates(LinkEndpoints endpoints, string hostId)
    {
        // Two containers may share a host id but not a file system: only a socket file that is there is tried.
        if (endpoints.Unix.Length > 0 && endpoints.HostId == hostId && File.Exists(endpoints.Unix))
            yield return ("unix:" + endpoints.Unix, new UnixDomainSocketEndPoint(endpoints.Unix));
        int colon = endpoints.Tcp.LastIndexOf(':');
        if (colon > 0 && int.TryParse(endpoints.Tcp.AsSpan(colon + 1), out int port) && port is > 0 and < 65536)
        {
            string host = endpoints.Tcp[..colon].Trim('[', ']');
            yield return (endpoints.Tcp, IPAddress.TryParse(host, out var ip) ? new IPEndPoint(ip, port) : new DnsEndPoint(host, port));
        }
    }

    private static LinkSocket Open(LinkOptions options, LinkHello hello, EndPoint endpoint, TimeProvider time)
    {
        var socket = Create(endpoint);
        // A blocking connect has no time-out of its own; closing the socket ends it.
        using var limit = time.CreateTimer(_ => socket.Dispose(), null, options.HandshakeTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            socket.Connect(endpoint);
            var link = new LinkSocket(socket);
            link.SetSilence(options.HandshakeTimeout);
            if (options.Credentials is { } credentials && endpoint is not UnixDomainSocketEndPoint)
                link.SecureAsClient(credentials);
            Greet(link, hello, endpoint);
            link.SetSilence(options.Silence);
            return link;
        }
        catch (Exception e)
        {
            socket.Dispose();
            if (e is SocketException s)
                throw new LinkException($"cannot connect ({s.SocketErrorCode})", e) { Loss = s.SocketErrorCode == SocketError.ConnectionRefused ? PeerLoss.NoListener : PeerLoss.Silent };
            if (e is ObjectDisposedException)
                throw new LinkException($"no answer within {options.HandshakeTimeout.TotalSeconds} s", e);
            throw;
        }
    }

    private static LinkHello Hello(LinkIdentity self, int maxRows, string peerId, (string Name, long Offset)? file) => new()
    {
        NodeId = self.NodeId, ExpectedNodeId = peerId, ModelDigest = self.ModelDigest, NumericsVersion = self.NumericsVersion,
        MaxRows = maxRows, File = file?.Name ?? "", FileOffset = file?.Offset ?? 0,
    };

    private static void Greet(LinkSocket link, LinkHello hello, EndPoint endpoint)
    {
        link.SendHandshake(LinkFrameKind.Hello, hello);
        var header = Answer(link);
        if (header.Kind == LinkFrameKind.Refused)
        {
            var refused = link.ReceiveHandshake(header, LinkRefused.Parser);
            throw new LinkException(refused.Reason) { Refused = true, Busy = refused.Busy };
        }
        if (header.Kind != LinkFrameKind.Welcome)
            throw new LinkException($"expected a welcome, got {header.Kind}");
        var welcome = link.ReceiveHandshake(header, LinkWelcome.Parser);
        if (welcome.NodeId != hello.ExpectedNodeId || welcome.ModelDigest != hello.ModelDigest || welcome.NumericsVersion != hello.NumericsVersion)
            throw new LinkException($"{endpoint} is node {welcome.NodeId} with another model or numerics version") { Refused = true };
    }

    private static LinkHeader Answer(LinkSocket link)
    {
        try
        {
            return link.ReceiveHeader();
        }
        catch (LinkException e) when (link.IsSecure && !e.Refused)
        {
            // In TLS 1.3 a client is through with the handshake before the server has judged its certificate.
            throw new LinkException($"{e.Message} instead of an answer: it may not accept this node's certificate, see its log", e);
        }
    }

    private static Socket Create(EndPoint endpoint) => endpoint is UnixDomainSocketEndPoint
        ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
}
