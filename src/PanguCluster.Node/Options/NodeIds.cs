using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PanguCluster.Node.Options;

/// <summary>What a node is called when nobody names it.</summary>
public static class NodeIds
{
    public const int MaxLength = 32;
    private const int DigestLength = 6;

    /// <summary>
    /// <c>node-PORT</c> where all nodes are on this machine; elsewhere <c>HOSTNAME-PORT</c>, because nodes of different machines tend to have one port. What an id cannot
    /// hold becomes '-', and a name that is too long ends with a digest of all of it. Pure.
    /// </summary>
    public static string Default(NodeAddress cluster, string hostName)
    {
        string port = cluster.Port.ToString(CultureInfo.InvariantCulture);
        if (cluster.IsLoopback)
            return "node-" + port;
        string name = string.Concat(hostName.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));
        int room = MaxLength - port.Length - 1;
        if (name.Length > room)
            name = $"{name[..(room - DigestLength - 1)].TrimEnd('-')}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(hostName)))[..DigestLength]}";
        return $"{name}-{port}";
    }
}
