using Grpc.Core;
using Pangu.V1;

namespace PanguCluster.Chaos.Processes;

/// <summary>Real nodes that are killed and started again at the same addresses, with one journal. Each node has the roles it is given; none given are all.</summary>
internal sealed class NodeCluster : IAsyncDisposable
{
    private static readonly TimeSpan Whole = TimeSpan.FromSeconds(120);

    private readonly string[] _common;
    private readonly string[][] _own;
    private readonly List<ServeNode> _nodes = [];

    private NodeCluster(string[] common, string[][] own)
    {
        _common = common;
        _own = own;
    }

    public IReadOnlyList<ServeNode> Nodes => _nodes;

    public string[] Endpoints => [.. _nodes.Select(n => n.Grpc)];

    /// <summary>Those that clients connect to.</summary>
    public string[] Gateways => [.. _nodes.Where((_, i) => IsGateway(i)).Select(n => n.Grpc)];

    public static Task<NodeCluster> StartAsync(int nodes, string journal, params IEnumerable<string> extra) =>
        StartAsync([.. Enumerable.Repeat(Array.Empty<string>(), nodes)], journal, extra);

    /// <param name="own">Options of each node's own.</param>
    /// <param name="network">Where the nodes are, with their certificates; null: all at this machine's loopback.</param>
    public static async Task<NodeCluster> StartAsync(string[][] own, string journal, IEnumerable<string> extra, int copies = 1, NodeNetwork? network = null)
    {
        var cluster = new NodeCluster(["--model", Repository.Nano, "--journal", journal, "--kv-memory", "256MiB", .. extra], own) { Copies = copies };
        try
        {
            for (int i = 0; i < own.Length; i++)
            {
                string[] options = [.. cluster._common, .. own[i], .. cluster._nodes.Take(1).SelectMany(first => (string[])["--seed-node", first.Cluster])];
                cluster._nodes.Add(network is null ? ServeNode.Start(options) : ServeNode.StartAt(network.Places[i], [.. options, .. network.Credentials]));
            }
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
        if (Environment.GetEnvironmentVariable("PANGU_STORM_LOGS") is { Length: > 0 } folder && Directory.CreateDirectory(folder).Exists)
            File.WriteAllText(Path.Combine(folder, $"{_nodes[node].Program.Id}.log"), _nodes[node].Program.Error + _nodes[node].Program.Output);
    }

    /// <summary>The killed node joins the others.</summary>
    public Task StartAgainAsync(int node) =>
        _nodes[node].StartAgainAsync([.. _common, .. _own[node], .. _nodes.Where((_, i) => i != node).SelectMany(other => (string[])["--seed-node", other.Cluster])]);

    /// <summary>All of them, as after a power cut: the first starts a cluster, the others join it.</summary>
    public async Task StartAllAgainAsync()
    {
        for (int i = 0; i < _nodes.Count; i++)
            await _nodes[i].StartAgainAsync([.. _common, .. _own[i], .. i == 0 ? (string[])[] : ["--seed-node", _nodes[0].Cluster]]);
    }

    /// <summary>Copies of each group there have to be.</summary>
    public int Copies { get; init; } = 1;

    /// <summary>Waits until every gateway sees all nodes up and all groups served.</summary>
    public Task WholeAsync() => Wait.UntilAsync(
        async () => (await Task.WhenAll(_nodes.Where((_, i) => IsGateway(i)).Select(SeesWholeAsync))).All(whole => whole), Whole,
        () => string.Join('\n', _nodes.Select(n => n.Program.Error)));

    public async ValueTask DisposeAsync()
    {
        for (int i = 0; i < _nodes.Count; i++)
        {
            KeepLog(i);
            await _nodes[i].DisposeAsync();
        }
    }

    private bool IsGateway(int node) => !_own[node].Contains("--roles") || _own[node].Any(o => o.Contains("gateway", StringComparison.Ordinal));

    private async Task<bool> SeesWholeAsync(ServeNode node)
    {
        try
        {
            var state = await node.Client.GetClusterAsync();
            return state.Ready && state.Nodes.Count(n => n is { Status: "Up", Suspected: false }) == _nodes.Count && state.Nodes.Count == _nodes.Count
                && state.Nodes.Sum(n => n.Groups.Count) >= Copies * state.Groups.Count;
        }
        catch (RpcException)
        {
            return false;
        }
    }
}
