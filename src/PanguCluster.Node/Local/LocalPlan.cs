using System.Globalization;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Local;

/// <summary>One node of a local cluster: where it listens, and the command line of its process.</summary>
public sealed record LocalNode(string Id, NodeAddress Grpc, NodeAddress Http, NodeAddress Cluster, IReadOnlyList<string> Arguments);

/// <summary>Lays out a local cluster. Pure.</summary>
public static class LocalPlan
{
    public const int MaxNodes = 32;

    /// <summary>Ports each node needs.</summary>
    public const int PortsPerNode = 3;

    /// <summary>From one node's first port to the next one's: 7440, 7450, 7460 are easy to remember.</summary>
    public const int PortStride = 10;

    /// <summary>Threads per node when nobody asks for a number: the machine's cores, shared.</summary>
    public static int DefaultThreads(int cores, int nodes) => Math.Max(1, cores / nodes);

    /// <summary>The default KV cache of one node, shared like the cores.</summary>
    public static long DefaultKvMemory(long availableBytes, int nodes) =>
        Math.Min(availableBytes / DecoderSizing.MemoryDivisor / nodes, DecoderSizing.MaxDefaultBytes);

    /// <param name="ports">Free ports, <see cref="PortsPerNode"/> for every node: gRPC, HTTP, cluster.</param>
    /// <param name="shared">Arguments that all nodes get.</param>
    public static IReadOnlyList<LocalNode> Create(IReadOnlyList<NodeAddress> ports, IReadOnlyList<string> shared)
    {
        int nodes = ports.Count / PortsPerNode;
        var first = ports[2];
        return [.. Enumerable.Range(0, nodes).Select(i =>
        {
            string id = "node-" + Text(i + 1);
            var (grpc, http, cluster) = (ports[PortsPerNode * i], ports[PortsPerNode * i + 1], ports[PortsPerNode * i + 2]);
            string[] own =
            [
                "serve", "--exit-with-stdin", "--node-id", id, "--grpc", grpc.ToString(), "--http", http.ToString(),
                "--cluster", cluster.ToString(), "--min-expert-nodes", Text(nodes),
                .. i == 0 ? (string[])[] : ["--seed-node", first.ToString()],
            ];
            return new LocalNode(id, grpc, http, cluster, [.. own, .. shared]);
        })];
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
