using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace PanguCluster.Node.Options;

/// <summary>A checked <c>host:port</c> to listen on.</summary>
/// <param name="Ip">IPv4 or IPv6 address.</param>
/// <param name="Port">0 (any free port) .. 65535.</param>
public sealed record NodeAddress(IPAddress Ip, int Port)
{
    public IPEndPoint EndPoint => new(Ip, Port);

    public string Host => Ip.ToString();

    public bool IsLoopback => IPAddress.IsLoopback(Ip);

    /// <summary>Every address of the machine.</summary>
    public bool IsWildcard => Ip.Equals(IPAddress.Any) || Ip.Equals(IPAddress.IPv6Any);

    public override string ToString() => EndPoint.ToString();

    /// <param name="problem">What is wrong, in words that follow the name of the option.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out NodeAddress? address, [NotNullWhen(false)] out string? problem)
    {
        address = null;
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port > 65535)
        {
            problem = $"'{text}' is no address: expected HOST:PORT with a port of 0 .. 65535, like 127.0.0.1:7440";
            return false;
        }
        string host = text[..colon].Trim('[', ']');
        var ip = host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host, out var parsed) ? parsed : null;
        if (ip is null)
        {
            problem = $"'{text}' is no address: '{host}' is neither an IP address nor localhost";
            return false;
        }
        address = new NodeAddress(ip, port);
        problem = null;
        return true;
    }
}
