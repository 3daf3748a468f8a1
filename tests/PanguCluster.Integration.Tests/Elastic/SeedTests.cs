using PanguCluster.Chaos.Processes;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests.Elastic;

public class SeedTests
{
    /// <summary>As a StatefulSet starts its pods: one list for all, in any order; then the first one, which could form a cluster, starts again.</summary>
    [Fact]
    public async Task Nodes_with_one_list_of_seeds_should_form_one_cluster_and_take_the_first_back()
    {
        string[] addresses = [.. FreshPorts.Take(3).Select(port => $"127.0.0.1:{port}")];
        string[] options =
        [
            "--model", Repository.Nano, "--min-expert-nodes", "3", "--journal", "memory", .. addresses.SelectMany(a => (string[])["--seed-node", a]),
        ];
        await using var third = ServeNode.StartAt(addresses[2], options);
        await using var second = ServeNode.StartAt(addresses[1], options);
        await using var first = ServeNode.StartAt(addresses[0], options);
        ServeNode[] nodes = [first, second, third];
        foreach (var node in nodes)
            await node.UntilAsync(c => c.Ready && c.Nodes.Count(n => n.Status == "Up") == 3);

        first.Program.Signal("KILL");
        await first.Program.EndAsync();
        await first.StartAgainAsync(options);
        foreach (var node in nodes)
            await node.UntilAsync(c => c.Ready && c.Nodes.Count(n => n.Status == "Up") == 3);
    }
}
