using Grpc.Core;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;

namespace PanguCluster.Integration.Tests.Storm;

/// <summary>Real nodes that are killed and started again at the same addresses, with one journal. Every node has every role.</summary>
internal sealed class StormCluster : IAsyncDisposable
{
    private static readonly TimeSpan Whole = TimeSpan.FromSeconds(120);

    private readonly string[] _common;
    private readonly List<ServeNode> _nodes = [];

    private StormCluster(string[] common) => _common = common;

    public IReadOnlyList<ServeNode> Nodes => _nodes;

    public string[] Endpoints => [.. _nodes.Select(n => n.Grpc)];

    public static async Task<StormCluster> StartAsync(int nodes, string journal, params IEnumerable<string> extra)
    {
        var cluster = new StormCluster(["--model", Repository.Nano, "--journal", journal, "--kv-memory", "256MiB", .. extra]);
        try
        {
            for (int i = 0; i < nodes; i++)
                cluster._nodes.Add(ServeNode.Start([.. cluster._common, .. cluster._nodes.Take(1).SelectMany(first => (string[])["--seed-node", first.Cluster])]));
            await cluster.WholeAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public void Kill(int node)
    {
        _nodes[node].Program.Signal("KILL");
        KeepLog(node);
    }

    /// <summary>PANGU_STORM_LOGS names a folder for what every process has said.</summary>
    private void KeepLog(int node)
    {
        if (Environment.GetEnvironmentVariable("PANGU_STORM_LOGS") is { Length: > 0 } folder)
            File.WriteAllText(Path.Combine(folder, $"{_nodes[node].Program.Id}.log"), _nodes[node].Program.Error + _nodes[node].Program.Output);
    }

    /// <summary>The killed node joins the others.</summary>
    public Task StartAgainAsync(int node) =>
        _nodes[node].StartAgainAsync([.. _common, .. _nodes.Where((_, i) => i != node).SelectMany(other => (string[])["--seed-node", other.Cluster])]);

    /// <summary>All of them, as after a power cut: the first starts a cluster, the others join it.</summary>
    public async Task StartAllAgainAsync()
    {
        for (int i = 0; i < _nodes.Count; i++)
            await _nodes[i].StartAgainAsync([.. _common, .. i == 0 ? (string[])[] : ["--seed-node", _nodes[0].Cluster]]);
    }

    /// <summary>Waits until every node sees all nodes up and all groups served.</summary>
    public Task WholeAsync() => Wait.UntilAsync(
        async () => (await Task.WhenAll(_nodes.Select(SeesWholeAsync))).All(whole => whole), Whole,
        () => string.Join('\n', _nodes.Select(n => n.Program.Error)));

    public async ValueTask DisposeAsync()
    {
        for (int i = 0; i < _nodes.Count; i++)
        {
            KeepLog(i);
            await _nodes[i].DisposeAsync();
        }
    }

    private async Task<bool> SeesWholeAsync(ServeNode node)
    {
        try
        {
            var state = await node.Client.GetClusterAsync();
            return state.Ready && state.Nodes.Count(n => n.Status == "Up") == _nodes.Count && state.Nodes.Count == _nodes.Count;
        }
        catch (RpcException)
        {
            return false;
        }
    }
}
