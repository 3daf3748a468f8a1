using System.Globalization;
using PanguCluster.Actors.Control;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Launch;

/// <summary>The command line of a node that another one starts: that node's own, with a name, addresses and seeds for the new one. Pure.</summary>
public static class LaunchArguments
{
    /// <summary>What belongs to one node only; each of them takes a value.</summary>
    private static readonly string[] Own = ["--node-id", "--grpc", "--http", "--cluster", "--seed-node", "--min-expert-nodes", "--start-nice"];

    /// <summary>A pipe from a parent that the new node does not have.</summary>
    private const string WithStdin = "--exit-with-stdin";

    /// <param name="own">What followed <c>serve</c> when this node was started.</param>
    /// <param name="ports">gRPC, HTTP, cluster.</param>
    /// <param name="startNice">See <see cref="LaunchOptions.StartNice"/>.</param>
    public static IReadOnlyList<string> Of(IReadOnlyList<string> own, LaunchRequest request, IReadOnlyList<NodeAddress> ports, int startNice)
    {
        var shared = new List<string>();
        for (int i = 0; i < own.Count; i++)
        {
            string name = own[i].Split('=', 2)[0];
            if (Own.Contains(name))
                i += own[i].Contains('=', StringComparison.Ordinal) ? 0 : 1;
            else if (name != WithStdin)
                shared.Add(own[i]);
        }
        return
        [
            "serve", "--node-id", request.NodeId, "--grpc", ports[0].ToString(), "--http", ports[1].ToString(), "--cluster", ports[2].ToString(),
            .. request.Seeds.SelectMany(seed => (string[])["--seed-node", seed]), "--start-nice", startNice.ToString(CultureInfo.InvariantCulture), .. shared,
        ];
    }
}
